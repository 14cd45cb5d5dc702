//! A small allocator: blocks of powers of two, and for each size a list of the free ones. The usual one, with the messages
//! of panics, would be a third of the module.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::ptr::null_mut;

/// What wasm's memory grows by, in bytes.
const PAGE: usize = 65_536;

/// Blocks are of 2^4 bytes at least, and so aligned to as many. Nothing in this module needs more.
const SMALLEST: u32 = 4;
const ALIGNMENT: usize = 1 << SMALLEST;

/// Sizes up to 2^31: half of what wasm can address.
const SIZES: usize = 32;

/// A block that nobody uses, which begins with the address of the next one of its size.
struct Free {
    next: *mut Free,
}

/// Never gives memory back to the host: a block serves the next of its size.
struct Blocks(UnsafeCell<State>);

struct State {
    free: [*mut Free; SIZES],
    /// Memory from here to `end` was never used.
    fresh: usize,
    end: usize,
}

#[global_allocator]
static BLOCKS: Blocks = Blocks(UnsafeCell::new(State { free: [null_mut(); SIZES], fresh: 0, end: 0 }));

/// A panic is a trap: its message has no reader.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

// SAFETY: the module has one thread: its memory is not shared.
unsafe impl Sync for Blocks {}

// SAFETY: a block holds its layout, is aligned for it, and is on no list while it is in use.
unsafe impl GlobalAlloc for Blocks {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: one thread, and nothing below calls back.
        let state = unsafe { &mut *self.0.get() };
        let size = exponent(layout);
        let Some(first) = state.free.get_mut(size).filter(|_| layout.align() <= ALIGNMENT) else {
            return null_mut();
        };
        let block = *first;
        if block.is_null() {
            return state.cut(1 << size);
        }
        // SAFETY: what is on a list is a free block.
        *first = unsafe { (*block).next };
        block.cast()
    }

    #[expect(clippy::cast_ptr_alignment, reason = "every block is aligned for what a free one holds")]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as above.
        let state = unsafe { &mut *self.0.get() };
        let Some(first) = state.free.get_mut(exponent(layout)) else { return };
        let block = block.cast::<Free>();
        // SAFETY: the caller does not use the block any more, and it is large enough.
        unsafe { block.write(Free { next: *first }) };
        *first = block;
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller vouches for the new size.
        let new = unsafe { Layout::from_size_align_unchecked(new_size, layout.align()) };
        if exponent(new) == exponent(layout) {
            return block;
        }
        // SAFETY: the new block is another one, and both hold what is copied.
        unsafe {
            let moved = self.alloc(new);
            if !moved.is_null() {
                moved.copy_from_nonoverlapping(block, layout.size().min(new_size));
                self.dealloc(block, layout);
            }
            moved
        }
    }
}

impl State {
    fn cut(&mut self, bytes: usize) -> *mut u8 {
        if self.end - self.fresh < bytes && !self.grow(bytes) {
            return null_mut();
        }
        let block = self.fresh;
        self.fresh += bytes;
        block as *mut u8
    }

    /// What is left of the memory before is lost, unless the new memory follows it.
    fn grow(&mut self, bytes: usize) -> bool {
        let pages = bytes.div_ceil(PAGE);
        let before = core::arch::wasm32::memory_grow(0, pages);
        if before == usize::MAX {
            return false;
        }
        let start = before * PAGE;
        if start != self.end {
            self.fresh = start;
        }
        self.end = start + pages * PAGE;
        true
    }
}

/// Of the power of two that holds a layout.
fn exponent(layout: Layout) -> usize {
    let bits = usize::BITS - layout.size().saturating_sub(1).leading_zeros();
    bits.max(SMALLEST) as usize
}
