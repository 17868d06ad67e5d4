//! The adapter for programs on tokio. The one place of this crate that touches
//! real time and real chance.

mod entropy;
mod system_clock;
mod tokio_clock;

pub use entropy::OsEntropy;
pub use system_clock::SystemClock;
pub use tokio_clock::TokioClock;
