//! What is lost: under hand-over with a producer, and to a buffer that is full.

use super::{Delivery, Ledger, Order};

impl<T> Ledger<T> {
    /// A producer's buffer, its limiter's and its partitions' queues go with it, under hand-over.
    pub(super) fn bury_producer(&mut self, producer: usize, orders: &mut Vec<Order<T>>) {
        self.open[producer] = true;
        if self.terms.delivery == Delivery::Lease {
            return;
        }
        let mut lost = 0;
        for queue in &mut self.ready {
            queue.retain(|loan| {
                lost += if loan.producer == producer { loan.len() } else { 0 };
                loan.producer != producer
            });
        }
        // What lanes had asked the dead one for, they ask its successor; dead lanes do not.
        self.ghosts.fill(0);
        self.waiting -= lost;
        self.lose(lost, orders);
    }

    /// What was dispatched to a lane's mailbox goes to a call in it that takes any message.
    pub(super) fn swallow(&mut self, lane: usize, orders: &mut Vec<Order<T>>) {
        let stub = &mut self.lanes[lane];
        let Some(refill) = stub.mailbox.pop_front() else { return };
        stub.owed -= refill.len();
        stub.swallowed += refill.len();
        self.lose(refill.len(), orders);
    }

    pub(super) fn lose(&mut self, items: usize, orders: &mut Vec<Order<T>>) {
        self.tally.lost += items as u64;
        if items > 0 {
            orders.push(Order::Lost(items));
        }
    }

    /// Drops the oldest items that wait beyond so many, as a GenStage buffer does. Says how many.
    pub fn overflow(&mut self, most: usize) -> usize {
        let dropped = self.waiting.saturating_sub(most);
        for _ in 0..dropped {
            let queues = self.ready.iter_mut().filter(|queue| !queue.is_empty());
            let Some(queue) = queues.min_by_key(|queue| queue[0].items()[0].id) else { break };
            queue[0].take(1);
            if queue[0].is_empty() {
                queue.pop_front();
            }
        }
        self.waiting -= dropped;
        self.tally.lost += dropped as u64;
        dropped
    }
}
