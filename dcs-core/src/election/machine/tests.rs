//! The state machine, step by step: every request is looked at and answered by
//! hand, and time moves only when told to.

mod beside_patroni;
mod consent;
mod failsafe;
mod failsafe_maps;
mod follow;
mod former_lock;
mod herd;
mod lead;
mod patronis_release;
mod pause;
mod reading;
mod refused;
mod release;
mod rig;
#[cfg(dcs_seeded_bugs)]
mod seeded;
mod shown_ttl;
mod turn;
