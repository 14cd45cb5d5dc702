//! The process tree of one run, as seen by those who may end it: never signalled after it was reaped.

use std::sync::{Mutex, MutexGuard, PoisonError};

use azure_token_cache_core::az::output::Exit;

use super::platform::{Process, TreeHandle};

/// Shared by the run's own thread and by whoever stops it. An id of a process is only used under the lock, and the
/// run's thread forgets it under the lock before it reaps: no other process can have the id by then.
#[derive(Debug, Default)]
pub(super) struct Tree {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    alive: Option<TreeHandle>,
    stopped: bool,
}

impl Tree {
    /// Starts the process, unless it was stopped before.
    pub(super) fn start(
        &self,
        start: impl FnOnce() -> Result<(Process, TreeHandle), Exit>,
    ) -> Result<Process, Exit> {
        let mut state = self.lock();
        if state.stopped {
            return Err(Exit::Signal(None));
        }
        let (process, handle) = start()?;
        state.alive = Some(handle);
        Ok(process)
    }

    /// Kills every process of the tree.
    pub(super) fn kill(&self) {
        if let Some(handle) = &self.lock().alive {
            handle.kill();
        }
    }

    /// Kills every process of the tree and forgets it: to be called once, before the process is reaped.
    pub(super) fn bury(&self) {
        let mut state = self.lock();
        if let Some(handle) = state.alive.take() {
            handle.kill();
        }
    }

    /// Kills every process of the tree, or keeps it from starting.
    pub(super) fn stop(&self) {
        let mut state = self.lock();
        state.stopped = true;
        if let Some(handle) = &state.alive {
            handle.kill();
        }
    }

    pub(super) fn is_alive(&self) -> bool {
        self.lock().alive.is_some()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
