//! One write of the leader key, seen by everyone who watches.

use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput};
use dcs_benches::{Audience, ManualClock, Register, leader_record};
use dcs_core::Change;
use dcs_memory::MemoryStore;

pub(crate) fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("fan-out");
    // An iteration with many watchers takes milliseconds.
    group.sampling_mode(SamplingMode::Flat);
    for watchers in [1, 100, 10_000_u32] {
        group.throughput(Throughput::Elements(watchers.into()));
        let mut ready = None;
        let id = BenchmarkId::new("watchers", watchers);
        group.bench_function(id, |bencher| {
            let (leader, audience) = ready.get_or_insert_with(|| watched(watchers));
            bencher.iter(|| {
                leader.write();
                audience.read()
            });
        });
    }
    group.finish();
}

/// A leader key, and so many who watch it.
fn watched(watchers: u32) -> (Register, Audience) {
    let store = MemoryStore::new(Arc::new(ManualClock::new()));
    let change = Change::Leader(Box::new(leader_record().into()));
    let mut leader = Register::new(&store, change);
    leader.write();
    let watchers = usize::try_from(watchers).expect("thousands fit");
    (leader, Audience::new(&store, watchers))
}
