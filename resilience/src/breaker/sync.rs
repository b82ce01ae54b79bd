//! The atomics and the lock, and those of the model checker in their place.

#[cfg(loom)]
pub(super) use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering};
#[cfg(not(loom))]
pub(super) use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

#[cfg(loom)]
pub(super) use checked::Mutex;
#[cfg(not(loom))]
pub(super) use parking_lot::Mutex;

#[cfg(loom)]
mod checked {
    use std::sync::PoisonError;

    use loom::sync::MutexGuard;

    /// The model checker's lock, with the face of the other one.
    pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(loom::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }
}
