// CUDA's execution model on one processor thread, so that kernels can be tested without a device: blocks one after the other, the threads of
// a block as fibers that change at every barrier and warp operation. It knows what rasterizer/tiles.cu uses and nothing more.
#pragma once
#include <ucontext.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <vector>

#define __device__
#define __global__
#define __shared__ static  // one block at a time
using cudaStream_t = void*;
using std::min;
struct Index {
    int x;
};
inline Index threadIdx, blockIdx;

namespace cuda_on_cpu {
constexpr int Warp = 32, StackBytes = 1 << 16;

struct Fiber {
    ucontext_t context;
    std::unique_ptr<char[]> stack{new char[StackBytes]};
    bool done = false;
};

// Threads that meet: everyone leaves a word and goes on when all have. Two generations of words, as nobody can be two meetings ahead.
struct Meeting {
    int arrived = 0, generation = 0;
    std::vector<unsigned> words[2];
    explicit Meeting(int size) { words[0].resize(size), words[1].resize(size); }
};

inline std::vector<Fiber> fibers;
inline std::vector<Meeting> warps, block;
inline ucontext_t scheduler;
inline std::function<void()> body;
inline bool progress;

inline void run_body() {
    body();
    fibers[threadIdx.x].done = progress = true;
}

// The words of all threads of the meeting; `place` is the thread's own among them.
inline const std::vector<unsigned>& meet(Meeting& m, int place, unsigned word) {
    const int generation = m.generation, thread = threadIdx.x;
    std::vector<unsigned>& words = m.words[generation & 1];
    words[place] = word;
    progress = true;
    if (++m.arrived == int(words.size())) m.arrived = 0, m.generation++;
    while (m.generation == generation) swapcontext(&fibers[thread].context, &scheduler);
    return words;
}

inline const std::vector<unsigned>& meet_block(unsigned word) { return meet(block[0], threadIdx.x, word); }

inline const std::vector<unsigned>& meet_warp(unsigned mask, unsigned word) {
    if (mask != 0xffffffffu) std::fprintf(stderr, "whole warps only\n"), std::abort();
    return meet(warps[threadIdx.x / Warp], threadIdx.x % Warp, word);
}

inline bool any(const std::vector<unsigned>& words) {
    return std::any_of(words.begin(), words.end(), [](unsigned word) { return word != 0; });
}

// Runs a kernel's blocks; aborts when threads wait at a barrier or in a warp operation for others that never come.
inline void launch(int blocks, int threads, std::function<void()> kernel) {
    body = kernel;
    for (blockIdx.x = 0; blockIdx.x < blocks; blockIdx.x++) {
        fibers = std::vector<Fiber>(threads);
        warps.assign(threads / Warp, Meeting(Warp));
        block.assign(1, Meeting(threads));
        for (Fiber& fiber : fibers) {
            getcontext(&fiber.context);
            fiber.context.uc_stack.ss_sp = fiber.stack.get();
            fiber.context.uc_stack.ss_size = StackBytes;
            fiber.context.uc_link = &scheduler;
            makecontext(&fiber.context, run_body, 0);
        }
        for (progress = true; progress;) {
            progress = false;
            for (threadIdx.x = 0; threadIdx.x < threads; threadIdx.x++)
                if (!fibers[threadIdx.x].done) swapcontext(&scheduler, &fibers[threadIdx.x].context);
        }
        if (!std::all_of(fibers.begin(), fibers.end(), [](const Fiber& fiber) { return fiber.done; }))
            std::fprintf(stderr, "threads wait for others that never come\n"), std::abort();
    }
}
}  // namespace cuda_on_cpu

inline int cudaGetLastError() { return 0; }
inline float __expf(float x) { return std::exp(x); }
inline void atomicAdd(float* to, float value) { *to += value; }
inline void __syncthreads() { cuda_on_cpu::meet_block(0); }
inline int __syncthreads_or(int predicate) { return cuda_on_cpu::any(cuda_on_cpu::meet_block(predicate)); }
inline int __any_sync(unsigned mask, int predicate) { return cuda_on_cpu::any(cuda_on_cpu::meet_warp(mask, predicate)); }
inline float __shfl_down_sync(unsigned mask, float value, int step) {
    unsigned word;
    std::memcpy(&word, &value, sizeof word);
    const int lane = threadIdx.x % cuda_on_cpu::Warp, from = lane + step;
    word = cuda_on_cpu::meet_warp(mask, word)[from < cuda_on_cpu::Warp ? from : lane];
    std::memcpy(&value, &word, sizeof word);
    return value;
}
