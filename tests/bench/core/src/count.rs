//! What is counted: live bytes, and the processor's time of this thread, which other processes do not lengthen.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicIsize, Ordering::Relaxed};

use rustix::time::{ClockId, clock_gettime};

/// Seconds of processor time that `act` takes.
pub fn seconds(act: impl FnOnce()) -> f64 {
    let before = processor_nanos();
    act();
    (processor_nanos() - before) as f64 / 1e9
}

fn processor_nanos() -> i128 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec)
}

struct Counting;

static LIVE: AtomicIsize = AtomicIsize::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Bytes that are allocated now.
pub fn live_bytes() -> isize {
    LIVE.load(Relaxed)
}

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size().cast_signed(), Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size().cast_signed(), Relaxed);
        unsafe { System.dealloc(place, layout) }
    }
}
