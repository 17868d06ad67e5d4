//! What lies between a process and the store: delay, loss, refusal.

use super::*;

/// What goes wrong between one process and the store, in parts per thousand.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Odds {
    pub(super) lost: u32,
    pub(super) unanswered: u32,
    pub(super) slow: u32,
    pub(super) refused: u32,
    pub(super) stale: u32,
    pub(super) ambush: u32,
}

pub(super) struct Net {
    pub(super) id: usize,
    pub(super) rw: MemoryDcs,
    pub(super) watch: MemoryDcs,
    pub(super) world: Arc<World>,
    pub(super) cut: AtomicBool,
    pub(super) rng: Mutex<Rng>,
}

#[derive(Clone)]
pub(super) struct NetDcs(pub(super) Arc<Net>);

impl std::fmt::Debug for NetDcs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NetDcs")
    }
}

impl std::fmt::Display for NetDcs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a network")
    }
}

#[derive(Clone, Copy)]
pub(super) struct Fate {
    pub(super) there: u64,
    pub(super) back: u64,
    pub(super) lost: bool,
    pub(super) unanswered: bool,
    pub(super) refused: bool,
    /// It is under way outside of any cut.
    pub(super) stray: bool,
}

impl Net {
    pub(super) fn fate(&self) -> Fate {
        let odds = self.world.odds();
        let mut rng = self.rng.lock().unwrap();
        let hit = |rng: &mut Rng, odds: u32| rng.u32(0..1000) < odds;
        let way = |rng: &mut Rng| {
            if hit(rng, odds.slow) {
                self.world.count("messages delayed by up to 40 s");
                rng.u64(0..40_000) * 1_000_000
            } else {
                rng.u64(0..20) * 1_000_000
            }
        };
        let (there, back) = (way(&mut rng), way(&mut rng));
        Fate {
            there,
            back,
            lost: hit(&mut rng, odds.lost),
            unanswered: hit(&mut rng, odds.unanswered),
            refused: hit(&mut rng, odds.refused),
            stray: rng.u8(0..4) == 0,
        }
    }

    pub(super) fn is_cut(&self, fate: Fate) -> bool {
        self.cut.load(SeqCst) && !(fate.stray && fate.there > SECOND)
    }

    pub(super) async fn way(&self, nanos: u64) {
        if nanos > 0 {
            self.world
                .real
                .clock
                .sleep(Duration::from_nanos(nanos))
                .await;
        }
    }
}

pub(super) async fn answer_or_never<T>(answer: tokio::sync::oneshot::Receiver<T>) -> T {
    match answer.await {
        Ok(answer) => answer,
        Err(_) => pending().await,
    }
}

#[async_trait]
impl Dcs for NetDcs {
    fn scope(&self) -> &Scope {
        self.0.rw.scope()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    async fn load(&self) -> Result<Snapshot, Error> {
        self.0.rw.load().await
    }

    async fn load_leader(&self) -> Result<Entry<LeaderRecord>, Error> {
        let (net, fate) = (Arc::clone(&self.0), self.0.fate());
        let (answer, answered) = tokio::sync::oneshot::channel();
        tokio::spawn(async move {
            net.way(fate.there).await;
            if net.is_cut(fate) || fate.lost {
                return;
            }
            let entry = net.world.read(&net);
            net.way(fate.back).await;
            if !net.is_cut(fate) && !fate.unanswered {
                // Whoever asked may have given up.
                let _ = answer.send(Ok(entry));
            }
        });
        answer_or_never(answered).await
    }

    async fn write(&self, change: &Change, expected: Precondition) -> Outcome {
        let (net, fate) = (Arc::clone(&self.0), self.0.fate());
        let sent = net.world.real.now();
        net.world.check_write(net.id, change, expected);
        if fate.refused {
            net.world.count("requests refused");
            return Outcome::NotCommitted(Error::Unavailable {
                backend: "attack",
                retry_after: None,
                source: "refused".into(),
            });
        }
        let (answer, answered) = tokio::sync::oneshot::channel();
        let change = change.clone();
        tokio::spawn(async move {
            net.way(fate.there).await;
            if net.is_cut(fate) || fate.lost {
                net.world.count("requests lost");
                return;
            }
            let outcome = net.rw.write(&change, expected).await;
            if let Outcome::Committed(committed) = &outcome {
                net.world.committed(&net, &change, committed.revision, sent);
            }
            net.way(fate.back).await;
            if net.is_cut(fate) || fate.unanswered {
                net.world.count("answers lost");
                return;
            }
            // Whoever asked may have given up.
            let _ = answer.send(outcome);
        });
        answer_or_never(answered).await
    }

    async fn fence(&self, key: &Key, token: FencingToken, expected: Precondition) -> Outcome {
        self.0.rw.fence(key, token, expected).await
    }

    async fn put_member(&self, record: &MemberRecord) -> Outcome {
        self.0.rw.put_member(record).await
    }

    async fn delete_member(&self, name: &MemberName) -> Outcome {
        self.0.rw.delete_member(name).await
    }

    fn watch(&self, silence: Duration) -> WatchStream {
        self.0.watch.watch(silence)
    }
}
