// Convolution, max pooling and dropout masks for feature maps stored with the batch innermost: [C][H][W][N].
//
// A vector register holds the same pixel of several images, so 7 or 18 channels waste no lanes, as they would in
// layouts that put the channels innermost. N must be a multiple of 16; float32 throughout.
// Built by build.py; plain C interface. `threads` is passed in because torch decides it, not OpenMP.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <type_traits>
#include <vector>

#if defined(__AVX512F__)
constexpr long LANES = 16, ACCUMULATORS = 24;  // of 32 registers; the others hold pixels and a weight
#elif defined(__AVX__)
constexpr long LANES = 8, ACCUMULATORS = 12;  // of 16
#elif defined(__ARM_NEON)
constexpr long LANES = 4, ACCUMULATORS = 24;  // of 32
#else
constexpr long LANES = 4, ACCUMULATORS = 12;  // of 16
#endif
constexpr long PAIR = 2;           // vectors of one pixel handled together
constexpr long MOST_TOGETHER = 12;  // output channels handled together

typedef float Vector __attribute__((vector_size(LANES * 4), aligned(4)));
typedef uint32_t Bits __attribute__((vector_size(LANES * 4), aligned(4)));

static inline Vector load(const float* from) { return *(const Vector*)from; }
static inline void store(float* to, Vector values) { *(Vector*)to = values; }

// The sum of f(at) over all vectors of `count` numbers; four running sums, for an addition takes four cycles.
template <typename F>
static float sum_of(long count, F f) {
    Vector sums[4] = {};
    long at = 0;
    for (; at + 4 * LANES <= count; at += 4 * LANES)
        for (long k = 0; k < 4; ++k) sums[k] += f(at + k * LANES);
    for (; at < count; at += LANES) sums[0] += f(at);
    const Vector all = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    float total = 0;
    for (long lane = 0; lane < LANES; ++lane) total += all[lane];
    return total;
}

// Calls f(size) with `size`, 1 to 12, as a constant of the compiler, which then keeps accumulators in registers.
template <long SIZE = 1, typename F>
static void with_constant(long size, F f) {
    if (size == SIZE) f(std::integral_constant<long, SIZE>());
    else if constexpr (SIZE < MOST_TOGETHER) with_constant<SIZE + 1>(size, f);
}

// Splits `channels` into equal blocks of at most `most` and calls f(first, size as a constant) for each.
template <typename F>
static void in_blocks(long channels, long most, F f) {
    long blocks = (channels + most - 1) / most, each = (channels + blocks - 1) / blocks;
    for (long first = 0; first < channels; first += each)
        with_constant(std::min(each, channels - first), [&](auto size) { f(first, size); });
}

struct Taps { long top, bottom, left, right; };                       // of the kernel, as far as they lie on the image
struct Steps { long channel, row, column, out_channel, weight_row; };  // between neighbours in memory

// OUT output channels of one output pixel, for VECTORS * LANES images.
template <long OUT, long VECTORS>
static void convolve_pixel(const float* x, const float* w, const float* bias, float* y, long inputs, long kernel, Taps taps, Steps step) {
    Vector sums[OUT][VECTORS] = {};
    if (bias)
        for (long o = 0; o < OUT; ++o)
            for (long v = 0; v < VECTORS; ++v) sums[o][v] += bias[o];
    for (long c = 0; c < inputs; ++c)
        for (long i = taps.top; i < taps.bottom; ++i)
            for (long j = taps.left; j < taps.right; ++j) {
                const float* weights = w + ((c * kernel + i) * kernel + j) * step.weight_row;
                Vector pixel[VECTORS];
                for (long v = 0; v < VECTORS; ++v)
                    pixel[v] = load(x + c * step.channel + i * step.row + j * step.column + v * LANES);
#pragma GCC unroll 12
                for (long o = 0; o < OUT; ++o)
                    for (long v = 0; v < VECTORS; ++v) sums[o][v] += weights[o] * pixel[v];
            }
    for (long o = 0; o < OUT; ++o)
        for (long v = 0; v < VECTORS; ++v) store(y + o * step.out_channel + v * LANES, sums[o][v]);
}

// y [outputs][P][Q][N] = x [inputs][H][W][N] with weights [inputs][kernel][kernel][outputs], stride 1, plus
// bias [outputs], which may be null.
extern "C" void convolve(const float* x, const float* w, const float* bias, float* y, long inputs, long H, long W, long N, long outputs,
                         long kernel, long padding, long threads) {
    const long P = H + 2 * padding - kernel + 1, Q = W + 2 * padding - kernel + 1;
    const Steps step = {H * W * N, W * N, N, P * Q * N, outputs};
#pragma omp parallel for schedule(static) num_threads(threads)
    for (long p = 0; p < P; ++p)
        for (long q = 0; q < Q; ++q) {
            const Taps taps = {std::max(0L, padding - p), std::min(kernel, H + padding - p),
                               std::max(0L, padding - q), std::min(kernel, W + padding - q)};
            const float* from = x + (p - padding) * step.row + (q - padding) * step.column;
            float* to = y + (p * Q + q) * N;
            in_blocks(outputs, ACCUMULATORS / PAIR, [&](long o, auto size) {
                const float* b = bias ? bias + o : nullptr;
                long n = 0;
                for (; n + PAIR * LANES <= N; n += PAIR * LANES)
                    convolve_pixel<size, PAIR>(from + n, w + o, b, to + o * step.out_channel + n, inputs, kernel, taps, step);
                for (; n < N; n += LANES)
                    convolve_pixel<size, 1>(from + n, w + o, b, to + o * step.out_channel + n, inputs, kernel, taps, step);
            });
        }
}

// Adds to sums [OUT][KERNEL] what one row of output pixels, all of whose taps lie on the image, gives.
template <long OUT, long KERNEL>
static void correlate_row(const float* x, const float* dy, Vector* sums, long pixels, long N, long out_channel) {
    Vector sum[OUT][KERNEL];
    for (long o = 0; o < OUT; ++o)
        for (long j = 0; j < KERNEL; ++j) sum[o][j] = sums[o * KERNEL + j];
    for (long q = 0; q < pixels; ++q)
        for (long n = 0; n < N; n += LANES) {
            Vector pixel[KERNEL];
            for (long j = 0; j < KERNEL; ++j) pixel[j] = load(x + (q + j) * N + n);
#pragma GCC unroll 12
            for (long o = 0; o < OUT; ++o) {
                const Vector gradient = load(dy + o * out_channel + q * N + n);
                for (long j = 0; j < KERNEL; ++j) sum[o][j] += gradient * pixel[j];
            }
        }
    for (long o = 0; o < OUT; ++o)
        for (long j = 0; j < KERNEL; ++j) sums[o * KERNEL + j] = sum[o][j];
}

// Gradients of the weights, into dw [outputs][inputs][KERNEL][KERNEL]. Every thread sums its rows; then the threads'
// sums are added in order, so that the same number of threads always gives the same result.
template <long KERNEL>
static void correlate(const float* x, const float* dy, float* dw, long inputs, long H, long W, long N, long outputs,
                      long padding, long threads) {
    constexpr long MOST = std::min(MOST_TOGETHER, std::max(1L, ACCUMULATORS / KERNEL));
    const long P = H + 2 * padding - KERNEL + 1, Q = W + 2 * padding - KERNEL + 1;
    const long first = std::min(padding, Q), last = std::max(first, std::min(Q, W + padding - KERNEL + 1));
    const long count = inputs * KERNEL * outputs * KERNEL, out_channel = P * Q * N;
    std::vector<float> sums(threads * count * LANES, 0.0f);  // [thread][input][i][output][j][lane]
#pragma omp parallel for schedule(static) num_threads(threads)
    for (long t = 0; t < threads; ++t)
        for (long p = t * P / threads; p < (t + 1) * P / threads; ++p)
            for (long c = 0; c < inputs; ++c)
                for (long i = std::max(0L, padding - p); i < std::min(KERNEL, H + padding - p); ++i)
                    in_blocks(outputs, MOST, [&](long o, auto size) {
                        Vector* sum = (Vector*)sums.data() + t * count + ((c * KERNEL + i) * outputs + o) * KERNEL;
                        const float* row = x + (c * H + p + i - padding) * W * N;
                        const float* gradients = dy + o * out_channel + p * Q * N;
                        correlate_row<size, KERNEL>(row + (first - padding) * N, gradients + first * N, sum,
                                                    last - first, N, out_channel);
                        for (long q = 0; q < Q; ++q) {  // at the edges, tap by tap
                            if (q == first) q = last;
                            if (q >= Q) break;
                            for (long j = std::max(0L, padding - q); j < std::min(KERNEL, W + padding - q); ++j)
                                for (long k = 0; k < size; ++k)
                                    for (long n = 0; n < N; n += LANES)
                                        sum[k * KERNEL + j] += load(gradients + k * out_channel + q * N + n) *
                                                               load(row + (q + j - padding) * N + n);
                        }
                    });
    for (long o = 0; o < outputs; ++o)
        for (long c = 0; c < inputs; ++c)
            for (long tap = 0; tap < KERNEL * KERNEL; ++tap) {
                const long i = tap / KERNEL, j = tap % KERNEL;
                float total = 0;
                for (long t = 0; t < threads; ++t) {
                    const long at = t * count + ((c * KERNEL + i) * outputs + o) * KERNEL + j;
                    for (long lane = 0; lane < LANES; ++lane) total += sums[at * LANES + lane];
                }
                dw[(o * inputs + c) * KERNEL * KERNEL + tap] = total;
            }
}

extern "C" void correlate(const float* x, const float* dy, float* dw, long inputs, long H, long W, long N, long outputs,
                          long kernel, long padding, long threads) {
    switch (kernel) {
        case 1: correlate<1>(x, dy, dw, inputs, H, W, N, outputs, padding, threads); break;
        case 3: correlate<3>(x, dy, dw, inputs, H, W, N, outputs, padding, threads); break;
        case 5: correlate<5>(x, dy, dw, inputs, H, W, N, outputs, padding, threads); break;
        case 7: correlate<7>(x, dy, dw, inputs, H, W, N, outputs, padding, threads); break;
    }
}

// y [C][H / size][W / size][N]: the largest of every size x size window.
extern "C" void pool(const float* x, float* y, long C, long H, long W, long N, long size, long threads) {
    const long P = H / size, Q = W / size;
#pragma omp parallel for schedule(static) num_threads(threads)
    for (long row = 0; row < C * P; ++row)
        for (long q = 0; q < Q; ++q)
            for (long n = 0; n < N; n += LANES) {
                const float* window = x + ((row / P * H + row % P * size) * W + q * size) * N + n;
                Vector most = load(window);
                for (long k = 1; k < size * size; ++k) {
                    const Vector value = load(window + (k / size * W + k % size) * N);
                    most = value > most ? value : most;
                }
                store(y + (row * Q + q) * N + n, most);
            }
}

// dx: every window's gradient goes to the first of its pixels that has the largest value, zero to the others; pixels in
// no window are left as they are.
extern "C" void unpool(const float* x, const float* y, const float* dy, float* dx, long C, long H, long W, long N,
                       long size, long threads) {
    const long P = H / size, Q = W / size;
#pragma omp parallel for schedule(static) num_threads(threads)
    for (long row = 0; row < C * P; ++row)
        for (long q = 0; q < Q; ++q)
            for (long n = 0; n < N; n += LANES) {
                const long at = ((row / P * H + row % P * size) * W + q * size) * N + n;
                const Vector most = load(y + (row * Q + q) * N + n), none = {};
                Vector rest = load(dy + (row * Q + q) * N + n);
                for (long k = 0; k < size * size; ++k) {
                    const long pixel = at + (k / size * W + k % size) * N;
                    const auto here = load(x + pixel) == most;
                    store(dx + pixel, here ? rest : none);
                    rest = here ? none : rest;
                }
            }
}

// mask [count], count a multiple of 16: 0 with probability drop / 2^32, else `kept`; a hash of seed and position
// (integer finaliser "lowbias32" by C. Wellons), so the result does not depend on the number of threads.
extern "C" void mask(float* mask, long count, uint32_t drop, float kept, uint32_t seed, uint32_t second_seed,
                     long threads) {
    Bits lanes;
    for (long lane = 0; lane < LANES; ++lane) lanes[lane] = lane;
#pragma omp parallel for schedule(static) num_threads(threads)
    for (long at = 0; at < count; at += LANES) {
        Bits h = (lanes + (uint32_t)at) ^ seed;
        for (int round = 0; round < 2; ++round) {
            h ^= h >> 16; h *= 0x7feb352dU;
            h ^= h >> 15; h *= 0x846ca68bU;
            h ^= h >> 16; h += second_seed;
        }
        const Vector none = {};
        store(mask + at, h < drop ? none : none + kept);
    }
}

// BatchNorm in training, then ReLU and dropout where asked for, in one visit: a channel fits the processor's cache.
// x, y, mask [C][count]; mask may be null. mean and variance [C] (biased) are results.
extern "C" void normalise(const float* x, const float* weight, const float* bias, const float* mask, float* y,
                          float* mean, float* variance, long C, long count, float epsilon, int relu, long threads) {
#pragma omp parallel for schedule(static) num_threads(threads)
    for (long c = 0; c < C; ++c) {
        const float *from = x + c * count, *keep = mask ? mask + c * count : nullptr;
        float* to = y + c * count;
        mean[c] = sum_of(count, [&](long at) { return load(from + at); }) / count;
        const Vector centre = Vector{} + mean[c], none = {};
        variance[c] = sum_of(count, [&](long at) {
            const Vector off = load(from + at) - centre;
            return off * off;
        }) / count;
        const float scale = weight[c] / std::sqrt(variance[c] + epsilon), shift = bias[c] - scale * mean[c];
        for (long at = 0; at < count; at += LANES) {
            Vector value = scale * load(from + at) + shift;
            if (relu) value = value > none ? value : none;
            store(to + at, keep ? value * load(keep + at) : value);
        }
    }
}

// Gradients of what `normalise` read, from the gradient of what it gave; whether ReLU was open is computed again.
extern "C" void normalise_backward(const float* dy, const float* x, const float* weight, const float* bias,
                                   const float* mask, const float* mean, const float* variance, float* dx,
                                   float* dweight, float* dbias, long C, long count, float epsilon, int relu,
                                   long threads) {
#pragma omp parallel for schedule(static) num_threads(threads)
    for (long c = 0; c < C; ++c) {
        const float *from = x + c * count, *given = dy + c * count, *keep = mask ? mask + c * count : nullptr;
        const float inverse = 1 / std::sqrt(variance[c] + epsilon), scale = weight[c] * inverse;
        const float shift = bias[c] - scale * mean[c];
        const Vector none = {};
        auto gradient = [&](long at) {
            Vector value = load(given + at);
            if (relu) value = scale * load(from + at) + shift > none ? value : none;
            return keep ? value * load(keep + at) : value;
        };
        dbias[c] = sum_of(count, gradient);
        dweight[c] = sum_of(count, [&](long at) { return gradient(at) * (load(from + at) - mean[c]); }) * inverse;
        const float along = dweight[c] * inverse / count, average = dbias[c] / count;
        for (long at = 0; at < count; at += LANES)
            store(dx + c * count + at, scale * (gradient(at) - average - (load(from + at) - mean[c]) * along));
    }
}
