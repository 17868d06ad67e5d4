//! What a member costs while it leads: one renewal, from the timer that fires to
//! the driver that waits again.

use std::sync::Arc;

use criterion::Criterion;
use dcs_benches::{ManualClock, Renewal, StubDcs, scope};
use dcs_memory::MemoryStore;

pub(crate) fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("renewal");

    let stub = Arc::new(StubDcs::new(scope()));
    let mut renewal = Renewal::new(stub, ManualClock::new());
    group.bench_function("elector alone", |bencher| {
        bencher.iter(|| renewal.cycle());
    });

    let clock = ManualClock::new();
    let store = MemoryStore::new(Arc::new(clock.clone()));
    let mut renewal = Renewal::new(Arc::new(store.handle(&scope())), clock);
    group.bench_function("elector on memory", |bencher| {
        bencher.iter(|| renewal.cycle());
    });
    group.finish();
}
