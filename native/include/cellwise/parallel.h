// Loops that threads share, and how long work learns that it is to stop.
//
//   parallel_for(n, grain, [&](std::size_t begin, std::size_t end) { ... });
//
// The threads form a small pool of our own, which is made for the first loop of more than one chunk. A forked child has
// none of its parent's threads (OpenMP's runtime would wait for them there forever), so that the child forgets the
// pool, and runs on one thread until `set_num_threads` is called in it.

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

// Thrown by long work when the user wants it to stop. Python has set its own error by then.
struct Interrupted : std::exception {};

// If set, called now and then on the thread that called into this library: true once the user wants to stop.
inline bool (*interrupted)() = nullptr;

namespace internal {

// Set on a thread that helps with a loop: whether that loop is to stop. Only the thread that runs the loop calls
// `interrupted`.
inline thread_local const std::atomic<bool>* stop = nullptr;
inline thread_local bool in_parallel = false;

}  // namespace internal

// Whether the user wants to stop. Long work calls this, or `stop_if_interrupted`, every few milliseconds, on any
// thread.
inline bool is_interrupted() {
  if (internal::stop != nullptr) return internal::stop->load(std::memory_order_relaxed);
  return interrupted != nullptr && interrupted();
}
inline void stop_if_interrupted() {
  if (is_interrupted()) throw Interrupted{};
}

// --- threads -------------------------------------------------------------------------------------

// Called once, before the first loop, unless `set_num_threads` was called. Must not throw.
inline std::size_t (*default_num_threads)() = nullptr;

namespace internal {

inline constexpr std::chrono::milliseconds kPatience(50);

inline std::atomic<std::size_t> chosen_num_threads{0};  // 0: not chosen yet

class ThreadPool {
 public:
  // Runs `work` here and on up to `helpers` more threads, and returns when it has returned on all of them. While
  // waiting it calls `wait` twenty times a second. False, and nothing is done, if another thread is using the pool.
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
    wanted_ = 0;  // helpers that have not begun are not needed any more
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
    sigset_t all, before;  // signals go to the threads of the program
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
#endif
    try {
      for (; threads_ < helpers; ++threads_) std::thread([this] { serve(); }).detach();
    } catch (const std::system_error&) {  // run with fewer threads
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
  the_pool.store(nullptr, std::memory_order_relaxed);  // its locks may be held by threads that do not exist any more
  chosen_num_threads.store(1, std::memory_order_relaxed);
}
inline const int handler_of_forks = pthread_atfork(nullptr, nullptr, &forget_pool);
#endif

}  // namespace internal

// The number of threads that a loop may use, the calling one included.
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

// Calls f(begin, end) for consecutive chunks of `grain` items (the last may have fewer) from 0 to n: once for each, in
// any order, on as many threads as there are chunks, up to `num_threads()`. Threads take the next chunk when they have
// finished one, so that chunks may differ in cost.
//
// Runs on the calling thread alone, in order, within another parallel loop and while another thread's loop uses the
// pool. If a call throws, no further chunk is begun, and the first exception is rethrown here when all calls have
// returned. Between chunks the calling thread looks for Ctrl-C, twenty times a second, and throws Interrupted. A caller
// that holds a lock that f takes (the GIL) must release it.
template <class F>
void parallel_for(std::size_t n, std::size_t grain, F&& f) {
  struct Loop {
    F& f;
    const std::size_t n, grain;
    std::atomic<std::size_t> next{0};
    std::atomic<bool> stop{false};
    std::mutex mutex{};
    std::exception_ptr error{};
    std::chrono::steady_clock::time_point looked_at = std::chrono::steady_clock::now();
    bool was_interrupted = false;

    void work(bool helps) noexcept {
      const bool outer = std::exchange(internal::in_parallel, true);
      if (helps) internal::stop = &stop;
      try {
        for (std::size_t begin; (begin = next.fetch_add(grain)) < n;) {
          f(begin, std::min(begin + grain, n));
          if (!helps) look_for_interruption();
        }
      } catch (...) {
        end();
        const std::lock_guard<std::mutex> lock(mutex);
        if (!error) error = std::current_exception();
      }
      if (helps) internal::stop = nullptr;
      internal::in_parallel = outer;
    }
    void look_for_interruption() {
      const auto now = std::chrono::steady_clock::now();
      if (was_interrupted || now - looked_at < internal::kPatience) return;
      looked_at = now;
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
  const auto wait = [&] { loop.look_for_interruption(); };
  if (threads == 1 || !internal::pool().run(threads - 1, work, &loop, wait)) loop.work(false);
  if (loop.was_interrupted) throw Interrupted{};
  if (loop.error) std::rethrow_exception(loop.error);
}

}  // namespace cellwise
