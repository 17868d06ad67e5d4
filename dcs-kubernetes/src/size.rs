//! How large an object is, and whether a write still fits.
