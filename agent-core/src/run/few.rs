//! A set of a few, in their order: one allocation of as much as there is. A tree's first node has room for eleven, which
//! is a kilobyte of origins, and each run that waits has a set.

/// In order, none twice.
#[derive(Debug, Clone)]
pub(super) struct Few<T>(Vec<T>);

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Ord> Extend<T> for Few<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, more: I) {
        let known = self.0.len();
        let new = |known: &[T], item: &T| known.binary_search(item).is_err();
        for item in more {
            if new(&self.0[..known], &item) {
                self.0.push(item);
            }
        }
        if self.0.len() > known {
            self.0.sort();
            self.0.dedup();
        }
    }
}

impl<T> Few<T> {
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_not_there_twice_and_all_is_in_order() {
        let mut few = Few::default();
        few.extend(["b", "a", "b"]);
        few.extend(["c", "a"]);
        assert!(few.iter().eq(&["a", "b", "c"]));
    }
}
