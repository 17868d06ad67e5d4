#![doc = include_str!("../../README.md")]

/// The code of the page about the simulator compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../../docs/simulation.md")]
struct SimulationPage;

/// The code of the page about settings compiles.
#[cfg(doctest)]
#[doc = include_str!("../../docs/settings.md")]
struct SettingsPage;
