//! What asking, renewing, writing and watching cost: `cargo bench`.
//!
//! `benches/README.md` says what each figure includes, and what was measured.

mod cas;
mod fan_out;
mod is_leader;
mod ratio;
mod renewal;

use criterion::Criterion;

fn main() {
    let mut criterion = Criterion::default().without_plots().configure_from_args();
    let ratios = is_leader::bench(&mut criterion);
    renewal::bench(&mut criterion);
    cas::bench(&mut criterion);
    fan_out::bench(&mut criterion);
    criterion.final_summary();
    for ratio in ratios.iter().filter(|ratio| ratio.is_measured()) {
        println!("{ratio}");
    }
}
