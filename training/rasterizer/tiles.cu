// The kernels of tiles.cpp for CUDA: one block of 256 threads per 16x16 tile, one thread per pixel; ellipses are staged
// in shared memory. Buffers as in tiles.cpp, all on the device. Called through ctypes by rasterize.py on PyTorch's
// stream.
#include <cuda_runtime.h>

namespace {
constexpr int Tile = 16, Pixels = Tile * Tile;
constexpr float AlphaCut = 1 / 255.f, Opaque = 1e-5f;

struct Ellipse {
    float x, y, a, b, c, opacity, red, green, blue;
    int id;
};

// The pixel of a thread.
struct Spot {
    int tile, x, y;
    bool inside;
    __device__ Spot(int width, int height) {
        const int across = (width + Tile - 1) / Tile;
        tile = blockIdx.x;
        x = tile % across * Tile + threadIdx.x % Tile;
        y = tile / across * Tile + threadIdx.x / Tile;
        inside = x < width && y < height;
    }
};

struct Scene {
    const float *center, *conic, *opacity, *color;
    const int* ids;

    // The block copies ellipses first .. end - 1, at most one per thread, to `staged`: how many, or 0 when no pixel has
    // light left.
    __device__ int stage(Ellipse* staged, int first, int end, bool lit) const {
        if (!__syncthreads_or(lit)) return 0;
        const int count = min(Pixels, end - first), k = threadIdx.x;
        if (k < count) {
            const int i = ids[first + k];
            staged[k] = {center[2 * i], center[2 * i + 1], conic[3 * i],     conic[3 * i + 1], conic[3 * i + 2],
                         opacity[i],    color[3 * i],      color[3 * i + 1], color[3 * i + 2], i};
        }
        __syncthreads();
        return count;
    }
};

__device__ float falloff(const Ellipse& e, float dx, float dy) {
    return __expf(-0.5f * (e.a * dx * dx + 2 * e.b * dx * dy + e.c * dy * dy));
}

__device__ float warp_sum(float value) {
    for (int step = 16; step > 0; step >>= 1) value += __shfl_down_sync(0xffffffffu, value, step);
    return value;
}

__global__ void forward(int width, int height, Scene scene, const int* start, const float* background, float* picture) {
    __shared__ Ellipse staged[Pixels];
    const auto [tile, x, y, inside] = Spot(width, height);
    float light = 1, red = 0, green = 0, blue = 0;
    for (int first = start[tile]; first < start[tile + 1]; first += Pixels) {
        const int count = scene.stage(staged, first, start[tile + 1], inside && light >= Opaque);
        if (!count) break;
        for (int k = 0; k < count; k++) {
            const Ellipse& e = staged[k];
            const float alpha = e.opacity * falloff(e, x + 0.5f - e.x, y + 0.5f - e.y);
            if (alpha < AlphaCut) continue;
            const float w = light * alpha;
            red += w * e.red;
            green += w * e.green;
            blue += w * e.blue;
            light -= w;
        }
    }
    if (inside) {
        const int plane = width * height, pixel = y * width + x;
        picture[pixel] = red + light * background[0];
        picture[plane + pixel] = green + light * background[1];
        picture[2 * plane + pixel] = blue + light * background[2];
        picture[3 * plane + pixel] = 1 - light;
    }
}

__global__ void backward(int width, int height, Scene scene, const int* start, const float* picture,
                         const float* gradient, float* center_gradient, float* conic_gradient, float* opacity_gradient,
                         float* color_gradient) {
    __shared__ Ellipse staged[Pixels];
    const auto [tile, x, y, inside] = Spot(width, height);
    const int plane = width * height;
    float light = 1, rest = 0, g[4] = {0, 0, 0, 0};
    if (inside)
        for (int c = 0; c < 4; c++) {
            g[c] = gradient[c * plane + y * width + x];
            rest += g[c] * picture[c * plane + y * width + x];
        }
    for (int first = start[tile]; first < start[tile + 1]; first += Pixels) {
        const int count = scene.stage(staged, first, start[tile + 1], inside && light >= Opaque);
        if (!count) break;
        for (int k = 0; k < count; k++) {
            const Ellipse& e = staged[k];
            const float dx = x + 0.5f - e.x, dy = y + 0.5f - e.y, fall = falloff(e, dx, dy), value = e.opacity * fall;
            const bool counts = inside && value >= AlphaCut;
            if (!__any_sync(0xffffffffu, counts)) continue;
            float part[9] = {};
            if (counts) {
                const float w = light * value, along = g[0] * e.red + g[1] * e.green + g[2] * e.blue + g[3];
                rest -= w * along;
                const float da = light * along - rest / fmaxf(1 - value, 1e-5f), dd = -0.5f * da * value;
                part[0] = w * g[0];
                part[1] = w * g[1];
                part[2] = w * g[2];
                part[3] = da * fall;
                part[4] = dd * dx * dx;
                part[5] = 2 * dd * dx * dy;
                part[6] = dd * dy * dy;
                part[7] = -2 * dd * (e.a * dx + e.b * dy);
                part[8] = -2 * dd * (e.b * dx + e.c * dy);
                light -= w;
            }
            float* const to[9] = {
                color_gradient + 3 * e.id,     color_gradient + 3 * e.id + 1, color_gradient + 3 * e.id + 2,
                opacity_gradient + e.id,       conic_gradient + 3 * e.id,     conic_gradient + 3 * e.id + 1,
                conic_gradient + 3 * e.id + 2, center_gradient + 2 * e.id,    center_gradient + 2 * e.id + 1};
            for (int j = 0; j < 9; j++) {
                const float sum = warp_sum(part[j]);
                if (threadIdx.x % 32 == 0) atomicAdd(to[j], sum);
            }
        }
    }
}

int tiles(int width, int height) { return (width + Tile - 1) / Tile * ((height + Tile - 1) / Tile); }
}  // namespace

extern "C" int rasterize_forward(int width, int height, const float* center, const float* conic, const float* opacity,
                                 const float* color, const int* ids, const int* start, const float* background,
                                 float* picture, cudaStream_t stream) {
    forward<<<tiles(width, height), Pixels, 0, stream>>>(width, height, {center, conic, opacity, color, ids}, start,
                                                         background, picture);
    return cudaGetLastError();
}

extern "C" int rasterize_backward(int width, int height, const float* center, const float* conic, const float* opacity,
                                  const float* color, const int* ids, const int* start, const float* picture,
                                  const float* gradient, float* center_gradient, float* conic_gradient,
                                  float* opacity_gradient, float* color_gradient, cudaStream_t stream) {
    backward<<<tiles(width, height), Pixels, 0, stream>>>(width, height, {center, conic, opacity, color, ids}, start,
                                                          picture, gradient, center_gradient, conic_gradient,
                                                          opacity_gradient, color_gradient);
    return cudaGetLastError();
}
