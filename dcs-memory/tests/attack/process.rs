//! A process that can be stopped, killed and started again.

use super::*;

/// A process that can be stopped: nothing of it is polled meanwhile.
#[derive(Debug, Default)]
pub(super) struct Gate(pub(super) Mutex<(bool, Vec<Waker>)>);

impl Gate {
    pub(super) fn set(&self, stopped: bool) {
        let mut gate = self.0.lock().unwrap();
        gate.0 = stopped;
        if !stopped {
            gate.1.drain(..).for_each(Waker::wake);
        }
    }
}

pub(super) struct Gated {
    pub(super) gate: Arc<Gate>,
    pub(super) inner: BoxFuture<'static, ()>,
}

impl Future for Gated {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        {
            let mut gate = self.gate.0.lock().unwrap();
            if gate.0 {
                gate.1.push(context.waker().clone());
                return Poll::Pending;
            }
        }
        self.inner.as_mut().poll(context)
    }
}

pub(super) struct Process {
    pub(super) id: usize,
    pub(super) slot: usize,
    pub(super) elector: Elector,
    pub(super) tasks: Vec<JoinHandle<()>>,
    pub(super) gate: Arc<Gate>,
    pub(super) host: Host,
    pub(super) net: Arc<Net>,
    pub(super) watch: MemoryDcs,
    pub(super) running: bool,
    pub(super) timing: LeaseTiming,
}
