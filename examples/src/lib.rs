//! Programs that show the distributed configuration store at work
