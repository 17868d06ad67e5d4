//! A history as a page to look at.

mod chart;
mod labels;
mod lane;
mod layout;
mod page;
mod scene;
mod store;
mod svg;
mod table;
mod text;
mod view;
mod words;

#[cfg(test)]
mod tests;

use std::time::Duration;

use self::layout::Layout;
use self::page::{Page, Untraced};
use self::scene::Scene;
use self::view::Span;
use super::net::nanos;
use super::simulation::History;

impl History {
    /// The history as one HTML page that needs nothing else: no file, no
    /// network, no script.
    ///
    /// It has a lane for each process, the processes of one name together, and
    /// one for the leader key, over a time axis in seconds: who runs, believes,
    /// stands still, is cut off; the lease writes and how they were answered;
    /// each version of the leader key; the faults, and what was broken. Below
    /// it the faults are listed. Where the pointer rests it says more.
    ///
    /// The end of a belief is drawn where the next thing happens in the history:
    /// in time if the process sees to it, and at most a tenth of the ttl late
    /// if it stands still. A term that is given up in the turn in which it
    /// begins was never believed in, and is not drawn.
    ///
    /// The same history gives the same bytes. Without
    /// [`Simulation::traced`](super::Simulation::traced) there is nothing to
    /// draw, and the page says that.
    ///
    /// ```
    /// use dcs_memory::sim::{Simulation, Swarm};
    ///
    /// let history = Simulation::new(7).nodes(3).faults(Swarm::Mixed).traced().run_members();
    /// let page = history.to_html();
    /// # let path = std::env::temp_dir().join(format!("history-{}.html", std::process::id()));
    /// std::fs::write(&path, page)?;
    /// # std::fs::remove_file(path)
    /// # ;
    /// # Ok::<_, std::io::Error>(())
    /// ```
    #[must_use]
    pub fn to_html(&self) -> String {
        let end = nanos(self.length);
        self.page(Span { from: 0, to: end }, false)
    }

    /// The same page with no more than what happened within `margin` before and
    /// after the [`violation`](Self::violation), drawn larger; `None` where all
    /// was as promised.
    ///
    /// A history ends at its violation, so most of it lies before.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use dcs_memory::sim::Simulation;
    /// let history = Simulation::new(7).traced().run(|node| async move {
    ///     node.sleep(Duration::from_secs(20)).await;
    ///     node.fail("has slept for 20 seconds");
    /// });
    /// let page = history.to_html_around(Duration::from_secs(5)).unwrap();
    /// assert!(page.contains("has slept for 20 seconds"));
    /// ```
    #[must_use]
    pub fn to_html_around(&self, margin: Duration) -> Option<String> {
        let at = nanos(self.violation.as_ref()?.at);
        let margin = nanos(margin);
        let to = at.saturating_add(margin).min(nanos(self.length));
        let from = at.saturating_sub(margin).min(to);
        Some(self.page(Span { from, to }, true))
    }

    fn page(&self, span: Span, is_part: bool) -> String {
        // Every history that was traced begins with a start.
        if self.marks.is_empty() {
            return Untraced(self).to_string();
        }
        let scene = Scene::of(self);
        let layout = Layout::of(&scene, span, self.violation.as_ref());
        let page = Page {
            history: self,
            layout,
            is_part,
        };
        page.to_string()
    }
}
