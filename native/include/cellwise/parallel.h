// Loops shared among threads, and how long work hears that it is to stop.
//
//   parallel_for(n, grain, [&](std::size_t begin, std::size_t end) { ... });
//
// The threads are a small pool of our own, made for the first loop of more than one chunk; none starts before. A forked
// child has none of its parent's threads (OpenMP's runtime waits for them there for ever): the pool is forgotten in the
// child, which works on one thread until `set_num_threads` is called in it.

#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#include <signal.h>
#define CELLWISE_FORKS 1
#else
#define CELLWISE_FORKS 0
#endif

namespace cellwise {

// --- interruption --------------------------------------------------------------------------------

// Thrown by long work that is to stop.
struct Interrupted : std::exception {};

// Asked now and then by the thread that called, if it is set; true once the user wants to stop.
inline bool (*interrupted)() = nullptr;

namespace internal {

// Of the loop whose helper this thread is at the moment; its caller alone asks, and tells the helpers so.
inline thread_local const std::atomic<bool>* stop = nullptr;
inline thread_local bool in_parallel = false;

}  // namespace internal

// To be asked every few milliseconds by long work, on any thread.
inline bool is_interrupted() {
  if (internal::stop != nullptr) return internal::stop->load(std::memory_order_relaxed);
  return interrupted != nullptr && interrupted();
}
inline void stop_if_interrupted() {
  if (is_interrupted()) throw Interrupted{};
}

// --- threads -------------------------------------------------------------------------------------

// Asked once, before the first loop, unless `set_num_threads` was called. Must not throw.
inline std::size_t (*default_num_threads)() = nullptr;

namespace internal {

inline constexpr std::chrono::milliseconds kPatience(50);

inline std::atomic<std::size_t> chosen_num_threads{0};  // 0: not chosen yet

class ThreadPool {
 public:
  // Runs `work` here and on up to `helpers` more threads, and returns when it has returned on all of them. While it
  // waits it asks `wait` twenty times a second. False, with nothing done, if another thread is using the pool.
  template <class Wait>
  bool run(std::size_t helpers, void (*work)(void*, bool helps), void* context, Wait wait) {
    const std::unique_lock<std::mutex> turn(turn_, std::try_to_lock);
    if (!turn.owns_lock()) return false;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      grow(helpers);
      work_ = work;
      context_ = context;
      wanted_ = helpers;
    }
    wake_.notify_all();
    work(context, false);
    std::unique_lock<std::mutex> lock(mutex_);
    wanted_ = 0;  // who has not begun need not
    while (!idle_.wait_for(lock, kPatience, [this] { return running_ == 0; })) {
      lock.unlock();
      wait();
      lock.lock();
    }
    return true;
  }

 private:
  void grow(std::size_t helpers) {
#if CELLWISE_FORKS
    sigset_t all, before;  // signals are for the threads of the program
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
#endif
    try {
      for (; threads_ < helpers; ++threads_) std::thread([this] { serve(); }).detach();
    } catch (const std::system_error&) {  // then with fewer
    }
#if CELLWISE_FORKS
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
#endif
  }

  void serve() {
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      wake_.wait(lock, [this] { return wanted_ > 0; });
      --wanted_;
      ++running_;
      lock.unlock();
      work_(context_, true);
      lock.lock();
      if (--running_ == 0) idle_.notify_one();
    }
  }

  std::mutex turn_;  // of the loop that uses the pool
  std::mutex mutex_;  // of everything below
  std::condition_variable wake_, idle_;
  void (*work_)(void*, bool) = nullptr;
  void* context_ = nullptr;
  std::size_t threads_ = 0, wanted_ = 0, running_ = 0;
};

inline std::atomic<ThreadPool*> the_pool{nullptr};

// Never destroyed: its threads wait in it until the process ends.
inline ThreadPool& pool() {
  ThreadPool* found = the_pool.load(std::memory_order_acquire);
  if (found == nullptr) {
    auto* fresh = new ThreadPool;
    if (the_pool.compare_exchange_strong(found, fresh, std::memory_order_acq_rel)) return *fresh;
    delete fresh;
  }
  return *found;
}

#if CELLWISE_FORKS
inline void forget_pool() {
  the_pool.store(nullptr, std::memory_order_relaxed);  // its locks may be held by threads that are no more
  chosen_num_threads.store(1, std::memory_order_relaxed);
}
inline const int handler_of_forks = pthread_atfork(nullptr, nullptr, &forget_pool);
#endif

}  // namespace internal

// Threads that a loop may use, the calling one included.
inline std::size_t num_threads() noexcept {
  std::size_t n = internal::chosen_num_threads.load(std::memory_order_relaxed);
  if (n > 0) return n;
  n = std::max<std::size_t>(1, default_num_threads != nullptr ? default_num_threads() : 1);
  std::size_t none = 0;
  return internal::chosen_num_threads.compare_exchange_strong(none, n) ? n : none;
}

// REQUIRES: n > 0.
inline void set_num_threads(std::size_t n) noexcept {
  internal::chosen_num_threads.store(n, std::memory_order_relaxed);
}

// Calls f(begin, end) for chunks of `grain` items (the last may have fewer) that make up 0..n: each once, in any order,
// on as many threads as there are and chunks are worth. Threads take the next chunk when they are done with one, so
// that chunks may differ in cost.
//
// Runs on the calling thread alone, in order, within another parallel loop and while another thread's loop has the
// pool. If a call throws, no further chunk is begun, and the first exception is thrown here when all have returned.
// Between chunks the calling thread asks, twenty times a second, whether the user interrupts, and then throws
// Interrupted. A caller that holds a lock that f takes (the GIL) must let go of it.
template <class F>
void parallel_for(std::size_t n, std::size_t grain, F&& f) {
  struct Loop {
    F& f;
    const std::size_t n, grain;
    std::atomic<std::size_t> next{0};
    std::atomic<bool> stop{false};
    std::mutex mutex{};
    std::exception_ptr error{};
    std::chrono::steady_clock::time_point asked = std::chrono::steady_clock::now();
    bool was_interrupted = false;

    void work(bool helps) noexcept {
      const bool outer = std::exchange(internal::in_parallel, true);
      if (helps) internal::stop = &stop;
      try {
        for (std::size_t begin; (begin = next.fetch_add(grain)) < n;) {
          f(begin, std::min(begin + grain, n));
          if (!helps) ask();
        }
      } catch (...) {
        end();
        const std::lock_guard<std::mutex> lock(mutex);
        if (!error) error = std::current_exception();
      }
      if (helps) internal::stop = nullptr;
      internal::in_parallel = outer;
    }
    void ask() {
      const auto now = std::chrono::steady_clock::now();
      if (was_interrupted || now - asked < internal::kPatience) return;
      asked = now;
      if ((was_interrupted = is_interrupted())) end();
    }
    void end() noexcept {
      stop.store(true, std::memory_order_relaxed);
      next.store(n);
    }
  };
  if (n == 0) return;
  Loop loop{f, n, grain};
  const std::size_t chunks = (n - 1) / grain + 1;
  const std::size_t threads = internal::in_parallel || chunks == 1 ? 1 : std::min(num_threads(), chunks);
  const auto work = [](void* of, bool helps) { static_cast<Loop*>(of)->work(helps); };
  const auto wait = [&] { loop.ask(); };
  if (threads == 1 || !internal::pool().run(threads - 1, work, &loop, wait)) loop.work(false);
  if (loop.was_interrupted) throw Interrupted{};
  if (loop.error) std::rethrow_exception(loop.error);
}

}  // namespace cellwise
