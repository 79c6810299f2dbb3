//! A map that knows its oldest entry, for everything that is remembered for a while or up to a number.

use std::borrow::Borrow;
use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// Outdated places that the order may have, however small the map is.
const SLACK: usize = 64;

/// A map whose entries are in the order of their last insertion.
///
/// ```
/// use ssekit_core::aging::AgingMap;
///
/// let mut map = AgingMap::default();
/// map.insert("a", 1);
/// map.insert("b", 2);
/// map.insert("a", 3);
/// assert_eq!(map.pop_oldest(), Some(("b", 2)));
/// assert_eq!(map.get("a"), Some(&3));
/// ```
#[derive(Debug)]
pub struct AgingMap<K, V> {
    /// Each with the number of its insertion.
    entries: HashMap<K, (u64, V)>,
    /// The keys in the order of their insertions. A place is outdated if its entry was removed or inserted again since.
    order: VecDeque<(u64, K)>,
    next: u64,
}

impl<K, V> Default for AgingMap<K, V> {
    fn default() -> Self {
        Self { entries: HashMap::new(), order: VecDeque::new(), next: 0 }
    }
}

impl<K: Hash + Eq + Clone, V> AgingMap<K, V> {
    /// The number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it has no entries.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The value of a key.
    pub fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.entries.get(key).map(|(_, value)| value)
    }

    /// Makes this entry the newest. Returns the key's earlier value.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let number = self.next;
        self.next += 1;
        self.order.push_back((number, key.clone()));
        let earlier = self.entries.insert(key, (number, value)).map(|(_, value)| value);
        self.drop_outdated();
        earlier
    }

    /// Removes an entry.
    pub fn remove<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let removed = self.entries.remove(key).map(|(_, value)| value);
        self.drop_outdated();
        removed
    }

    /// Removes the oldest entry.
    pub fn pop_oldest(&mut self) -> Option<(K, V)> {
        self.pop_oldest_if(|_, _| true)
    }

    /// Removes the oldest entry if the condition holds for its value and the number of entries.
    pub fn pop_oldest_if(&mut self, condition: impl FnOnce(&V, usize) -> bool) -> Option<(K, V)> {
        let count = self.entries.len();
        while let Some((number, key)) = self.order.pop_front() {
            match self.entries.get(&key) {
                Some((current, value)) if *current == number => {
                    if !condition(value, count) {
                        self.order.push_front((number, key));
                        return None;
                    }
                    return self.entries.remove(&key).map(|(_, value)| (key, value));
                }
                _ => {}
            }
        }
        None
    }

    /// A key that is inserted again and again leaves its old places in the order. Before those outnumber the others, they
    /// are dropped, at a cost that spreads over the insertions.
    fn drop_outdated(&mut self) {
        if self.order.len() > 2 * self.entries.len() + SLACK {
            let entries = &self.entries;
            self.order.retain(|(number, key)| entries.get(key).is_some_and(|(current, _)| current == number));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn oldest_entry_stays_if_the_condition_fails() {
        let mut map = AgingMap::default();
        map.insert(1, "a");
        map.insert(2, "b");
        assert_eq!(map.pop_oldest_if(|_, count| count > 2), None);
        assert_eq!(map.pop_oldest_if(|value, _| *value == "a"), Some((1, "a")));
        assert_eq!((map.len(), map.get(&2)), (1, Some(&"b")));
    }

    proptest! {
        /// The model is a list in the order of the last insertions.
        #[test]
        fn map_agrees_with_a_list(operations in proptest::collection::vec((0..3_u8, 0..6_u8), 0..400)) {
            let (mut map, mut model) = (AgingMap::default(), Vec::<(u8, usize)>::new());
            for (step, (operation, key)) in operations.into_iter().enumerate() {
                let known = model.iter().position(|(other, _)| *other == key);
                match operation {
                    0 => {
                        let earlier = known.map(|place| model.remove(place).1);
                        model.push((key, step));
                        prop_assert_eq!(map.insert(key, step), earlier);
                    }
                    1 => prop_assert_eq!(map.remove(&key), known.map(|place| model.remove(place).1)),
                    _ => {
                        let oldest = (!model.is_empty()).then(|| model.remove(0));
                        prop_assert_eq!(map.pop_oldest(), oldest);
                    }
                }
                prop_assert_eq!((map.len(), map.is_empty()), (model.len(), model.is_empty()));
                prop_assert!(map.order.len() <= 2 * map.len() + SLACK + 1);
                for key in 0..6 {
                    let value = model.iter().find(|(other, _)| *other == key).map(|(_, value)| value);
                    prop_assert_eq!(map.get(&key), value);
                }
            }
        }
    }
}
