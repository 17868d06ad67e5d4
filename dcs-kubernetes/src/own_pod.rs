//! What this member's Pod says of itself: where it runs and at which address.
