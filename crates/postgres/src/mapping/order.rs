//! Order among tables that reference one another: strongly connected components, referenced ones first.

/// Components of a graph given as, for each node, the nodes that it references. Every component comes after all those that
/// it references; nodes within one are in ascending order. Deterministic. Runs without recursion, so depth has no limit.
pub fn components(references: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let count = references.len();
    let mut search = Search {
        references,
        index: vec![None; count],
        low: vec![0; count],
        on_stack: vec![false; count],
        stack: Vec::new(),
        next: 0,
        found: Vec::new(),
    };
    for node in 0..count {
        if search.index.get(node).is_some_and(Option::is_none) {
            search.visit(node);
        }
    }
    search.found
}

struct Search<'a> {
    references: &'a [Vec<usize>],
    index: Vec<Option<usize>>,
    low: Vec<usize>,
    on_stack: Vec<bool>,
    stack: Vec<usize>,
    next: usize,
    found: Vec<Vec<usize>>,
}

#[expect(clippy::indexing_slicing, reason = "nodes are below `references.len()`, the length of every vector here")]
impl Search<'_> {
    fn enter(&mut self, node: usize) {
        self.index[node] = Some(self.next);
        self.low[node] = self.next;
        self.next += 1;
        self.stack.push(node);
        self.on_stack[node] = true;
    }

    /// Tarjan's algorithm with its own stack of (node, next reference to look at).
    fn visit(&mut self, start: usize) {
        self.enter(start);
        let mut work = vec![(start, 0_usize)];
        while let Some((node, at)) = work.last_mut() {
            let node = *node;
            if let Some(&to) = self.references[node].get(*at) {
                *at += 1;
                match self.index.get(to) {
                    Some(None) => {
                        self.enter(to);
                        work.push((to, 0));
                    }
                    Some(Some(index)) if self.on_stack[to] => self.low[node] = self.low[node].min(*index),
                    _ => {}
                }
                continue;
            }
            work.pop();
            if let Some((parent, _)) = work.last() {
                self.low[*parent] = self.low[*parent].min(self.low[node]);
            }
            if self.index[node] == Some(self.low[node]) {
                self.take_component(node);
            }
        }
    }

    fn take_component(&mut self, head: usize) {
        let mut component = Vec::new();
        while let Some(node) = self.stack.pop() {
            self.on_stack[node] = false;
            component.push(node);
            if node == head {
                break;
            }
        }
        component.sort_unstable();
        self.found.push(component);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn cycles_are_one_component_and_referenced_ones_come_first() {
        // 0 <-> 1, 2 -> 1, 3 -> 3, 3 -> 2
        assert_eq!(components(&[vec![1], vec![0], vec![1], vec![3, 2]]), [vec![0, 1], vec![2], vec![3]]);
    }

    proptest! {
        #[test]
        fn every_reference_points_backwards_or_inside(edges in proptest::collection::vec((0..12_usize, 0..12_usize), 0..40)) {
            let mut graph = vec![Vec::new(); 12];
            for (from, to) in edges { graph[from].push(to); }
            let found = components(&graph);
            let mut position = [usize::MAX; 12];
            for (n, component) in found.iter().enumerate() { for node in component { position[*node] = n; } }
            prop_assert!(position.iter().all(|p| *p != usize::MAX));
            for (from, tos) in graph.iter().enumerate() { for to in tos { prop_assert!(position[*to] <= position[from]); } }
        }
    }
}
