//! What all of a history share, and what it is judged by.

use super::*;

/// What all of a history share, and what it is judged by.
pub(super) struct World {
    pub(super) seed: u64,
    pub(super) real: Real,
    pub(super) store: MemoryStore,
    pub(super) scope: Scope,
    pub(super) calm: AtomicBool,
    pub(super) odds: Mutex<Odds>,
    pub(super) judge: Mutex<Judge>,
}

#[derive(Default)]
pub(super) struct Judge {
    pub(super) electors: Vec<(String, Elector)>,
    /// To where, in real time, the committed writes of a process carry it.
    pub(super) covered: BTreeMap<usize, u64>,
    pub(super) open: BTreeMap<usize, u128>,
    pub(super) largest_token: u128,
    pub(super) attempts: HashSet<String>,
    /// Every record that was ever committed.
    pub(super) past: Vec<Entry<LeaderRecord>>,
    pub(super) ambushes: Vec<usize>,
    pub(super) counts: BTreeMap<&'static str, u64>,
    pub(super) log: Vec<String>,
    pub(super) failed: Option<String>,
}

impl World {
    pub(super) fn odds(&self) -> Odds {
        *self.odds.lock().unwrap()
    }

    pub(super) fn count(&self, what: &'static str) {
        *self.judge.lock().unwrap().counts.entry(what).or_default() += 1;
    }

    pub(super) fn log(&self, line: impl FnOnce() -> String) {
        if std::env::var_os("DCS_ATTACK_SEED").is_some() {
            let line = format!("{:>10} {}", self.real.now() / 1_000_000, line());
            self.judge.lock().unwrap().log.push(line);
        }
    }

    pub(super) fn fail(&self, why: String) {
        self.log(|| format!("FAILED: {why}"));
        let at = self.real.now() / 1_000_000;
        let mut judge = self.judge.lock().unwrap();
        judge.failed.get_or_insert(format!("at {at} ms: {why}"));
    }

    pub(super) fn read(&self, net: &Net) -> Entry<LeaderRecord> {
        let odds = self.odds();
        let mut rng = net.rng.lock().unwrap();
        let now = self.store.snapshot(&self.scope).leader;
        let judge = self.judge.lock().unwrap();
        if rng.u32(0..1000) < odds.stale && !judge.past.is_empty() {
            let back = rng.usize(1..=judge.past.len().min(4));
            return judge.past[judge.past.len() - back].clone();
        }
        now
    }

    /// What holds of every write when it leaves (rules H4 and H7).
    pub(super) fn check_write(&self, id: usize, change: &Change, expected: Precondition) {
        let Change::Leader(write) = change else {
            return;
        };
        self.log(|| format!("{id} writes {:?} on {expected:?}", write.record.holder));
        let (is_leader, new) = {
            let mut judge = self.judge.lock().unwrap();
            let elector = judge.electors.get(id).map(|(_, elector)| elector.clone());
            let attempt = write.record.claim.as_ref().map(|c| c.attempt.to_string());
            let is_attempt = write.record.holder.is_some();
            let new = !is_attempt || attempt.is_some_and(|nonce| judge.attempts.insert(nonce));
            (elector.is_some_and(|elector| elector.is_leader()), new)
        };
        if !new {
            self.fail(format!("{id} writes an attempt twice"));
        }
        if write.record.released.is_some() && is_leader {
            self.fail(format!("{id} believes while it releases"));
        }
    }

    pub(super) fn committed(&self, net: &Net, change: &Change, revision: Revision, sent: u64) {
        let Change::Leader(write) = change else {
            return;
        };
        self.log(|| format!("{} committed {revision:?}", net.id));
        let mut judge = self.judge.lock().unwrap();
        if let (Some(_), Some(claim)) = (&write.record.holder, &write.record.claim) {
            let replaced = judge.past.last().and_then(|entry| entry.get());
            let same = replaced.is_some_and(|old| old.renew_time == write.record.renew_time);
            if same {
                let why = format!("{} shows the renewTime that it replaces", net.id);
                judge.failed.get_or_insert(why);
            }
            // L_h(T) / (1 - rho), in real time, with what rounding takes.
            let nanos = u64::try_from(claim.ttl.as_nanos()).unwrap();
            let until = sent + nanos * 1000 / 1010 + 1_000;
            let covered = judge.covered.entry(net.id).or_default();
            *covered = until.max(*covered);
            *judge.counts.entry("lease writes committed").or_default() += 1;
            let odds = self.odds();
            if net.rng.lock().unwrap().u32(0..1000) < odds.ambush {
                judge.ambushes.push(net.id);
            }
        }
        let entry = Entry::present(revision, write.record.clone());
        judge.past.push(entry);
    }

    /// Rule I1, and that belief is covered by what was committed.
    pub(super) fn check(&self) {
        let now = self.real.now();
        let electors = self.judge.lock().unwrap().electors.clone();
        let mut leading = Vec::new();
        for (id, (name, elector)) in electors.iter().enumerate() {
            if !elector.is_leader() {
                continue;
            }
            leading.push(format!("{id} ({name})"));
            let covered = self.judge.lock().unwrap().covered.get(&id).copied();
            if covered.unwrap_or(0) <= now {
                self.fail(format!(
                    "{id} believes {} ms longer than what it wrote carries it",
                    (now - covered.unwrap_or(0)) / 1_000_000
                ));
            }
        }
        if leading.len() > 1 {
            self.fail(format!("two believers: {leading:?}"));
        }
    }

    pub(super) fn said(&self, id: usize, kind: &EventKind) {
        self.log(|| format!("{id} says {kind:?}"));
        let mut why = None;
        {
            let mut judge = self.judge.lock().unwrap();
            match kind {
                EventKind::Elected { token, .. } => {
                    *judge.counts.entry("terms").or_default() += 1;
                    if judge.open.insert(id, token.get()).is_some() {
                        why = Some(format!("{id} begins a term within a term"));
                    }
                    if token.get() <= judge.largest_token {
                        why = Some(format!("token {token} of {id} is not larger"));
                    }
                    judge.largest_token = judge.largest_token.max(token.get());
                }
                EventKind::Renewed { token, .. } => {
                    *judge.counts.entry("renewals").or_default() += 1;
                    if judge.open.get(&id) != Some(&token.get()) {
                        why = Some(format!("{id} renews a term that is not open"));
                    }
                }
                EventKind::Lost { token, .. } | EventKind::Released { token } => {
                    let lost = matches!(kind, EventKind::Lost { .. });
                    let what = if lost { "terms lost" } else { "terms released" };
                    *judge.counts.entry(what).or_default() += 1;
                    if judge.open.remove(&id) != Some(token.get()) {
                        why = Some(format!("{id} ends a term that is not open"));
                    }
                }
                EventKind::Alarm(_) => *judge.counts.entry("alarms").or_default() += 1,
                _ => {}
            }
        }
        if let Some(why) = why {
            self.fail(why);
        }
        if matches!(kind, EventKind::Elected { .. }) {
            self.check();
        }
    }

    pub(super) fn remember(&self) {
        let now = self.store.snapshot(&self.scope).leader;
        let mut judge = self.judge.lock().unwrap();
        if judge.past.last().and_then(|entry| entry.revision) != now.revision {
            judge.past.push(now);
        }
    }
}
