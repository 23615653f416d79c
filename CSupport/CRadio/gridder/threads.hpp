// Who writes what: body(worker, item) is called once for each item, on some thread; memory of a worker belongs to the
// one thread that has its number, memory of an item to that call alone. `parallel` returns after the last call and
// everything written is visible to the caller. The body must not throw.
#pragma once
#include <atomic>
#include <thread>
#include <vector>

namespace gridder {

template <class Body>
void parallel(int threads, long items, const Body &body) {
    std::atomic<long> next{0};
    auto work = [&](int worker) {
        for (long item; (item = next.fetch_add(1, std::memory_order_relaxed)) < items;) body(worker, item);
    };
    int extra = (int)(threads < items ? threads : items) - 1;
    std::vector<std::thread> helpers;
    for (int i = 0; i < extra; i++) helpers.emplace_back(work, i + 1);
    work(0);
    for (auto &helper : helpers) helper.join();
}

}  // namespace gridder
