//! What it costs to ask whether one leads, beside the reading of the clock
//! without which nobody can know.

use criterion::Criterion;
use criterion::measurement::{Measurement, WallTime};
use dcs_benches::Held;
use dcs_core::{Clock, SystemClock};

use crate::ratio::Ratio;

pub(crate) fn bench(criterion: &mut Criterion) -> [Ratio; 3] {
    let held = Held::new();
    let (elector, lease) = (held.elector(), held.lease());
    let clock = SystemClock::new();
    let reading = || clock.now();

    let mut group = criterion.benchmark_group("asking");
    let mut bare = Ratio::new("clock reading / Instant::now");
    group.bench_function("clock reading", |bencher| {
        bencher.iter_custom(|calls| bare.time(calls, reading, || WallTime.start()));
    });
    let mut is_leader = Ratio::new("is_leader / clock reading");
    group.bench_function("is_leader", |bencher| {
        bencher.iter_custom(|calls| is_leader.time(calls, || elector.is_leader(), reading));
    });
    let mut remaining = Ratio::new("remaining / clock reading");
    group.bench_function("remaining", |bencher| {
        bencher.iter_custom(|calls| remaining.time(calls, || lease.remaining(), reading));
    });
    group.finish();

    // A term that is over stays over, so it was held all the time.
    assert!(
        lease.is_valid(),
        "the lease ended: was the machine suspended?"
    );
    [bare, is_leader, remaining]
}
