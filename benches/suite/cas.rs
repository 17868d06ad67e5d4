//! Conditional writes of the store in memory, one after the other.

use std::sync::Arc;

use criterion::{Criterion, Throughput};
use dcs_benches::{ManualClock, Member, Register, leader_record};
use dcs_core::{Change, Initialize};
use dcs_memory::MemoryStore;

pub(crate) fn bench(criterion: &mut Criterion) {
    let store = MemoryStore::new(Arc::new(ManualClock::new()));
    let small = Change::Initialize(Some(Initialize::InProgress));
    let config = Change::Config(Some(Member::timing().to_config()));
    let leader = Change::Leader(Box::new(leader_record().into()));

    let mut group = criterion.benchmark_group("cas on memory");
    group.throughput(Throughput::Elements(1));
    for (name, change) in [
        ("smallest value", small),
        ("config", config),
        ("leader", leader),
    ] {
        let mut register = Register::new(&store, change);
        register.write();
        group.bench_function(name, |bencher| bencher.iter(|| register.write()));
        group.bench_function(format!("{name}, refused"), |bencher| {
            bencher.iter(|| register.write_refused());
        });
    }
    group.finish();
}
