// Forward and backward blending of ellipses, tile by tile, on the processor. Called through ctypes by rasterize.py.
// Buffers: center [n,2], conic [n,3], opacity [n], color [n,3]; ids [p], start [tiles+1]; background [3]; picture and
// its gradient [4,H,W]. Within a tile the loop runs over ellipses outside and pixels inside, so that pixels fill the
// vector lanes.
#include <algorithm>
#include <cmath>

namespace {
constexpr int Tile = 16, Pixels = Tile * Tile;
constexpr float AlphaCut = 1 / 255.f, Opaque = 1e-5f;  // a tile whose light is all used up needs no farther ellipses

struct Box {
    int x0, x1, y0, y1;  // columns and rows of the tile, half open
};

struct Scene {
    int width, height;
    const float *center, *conic, *opacity, *color;
    const int *ids, *start;
    int across() const { return (width + Tile - 1) / Tile; }
    int tiles() const { return across() * ((height + Tile - 1) / Tile); }
    Box box(int tile) const {
        const int x = tile % across() * Tile, y = tile / across() * Tile;
        return {x, std::min(x + Tile, width), y, std::min(y + Tile, height)};
    }
    // Rows and columns of the tile that the ellipse reaches.
    Box reached(int i, const Box& b) const {
        const float A = conic[3 * i], B = conic[3 * i + 1], C = conic[3 * i + 2];
        const float limit = 2 * std::log(std::max(opacity[i] / AlphaCut, 1.f)), det = std::max(A * C - B * B, 1e-12f);
        const float rx = std::sqrt(limit * C / det), ry = std::sqrt(limit * A / det), x = center[2 * i],
                    y = center[2 * i + 1];
        return {std::max(b.x0, (int)std::ceil(x - rx - 0.51f)), std::min(b.x1, (int)std::floor(x + rx - 0.49f) + 1),
                std::max(b.y0, (int)std::ceil(y - ry - 0.51f)), std::min(b.y1, (int)std::floor(y + ry - 0.49f) + 1)};
    }
};

bool used_up(const float* light) { return *std::max_element(light, light + Pixels) < Opaque; }
}  // namespace

extern "C" void rasterize_forward(int width, int height, const float* center, const float* conic, const float* opacity,
                                  const float* color, const int* ids, const int* start, const float* background,
                                  float* picture) {
    const Scene s{width, height, center, conic, opacity, color, ids, start};
    const int plane = width * height;
#pragma omp parallel for schedule(dynamic)
    for (int tile = 0; tile < s.tiles(); tile++) {
        const Box b = s.box(tile);
        float light[Pixels], sum[3][Pixels] = {};
        std::fill(light, light + Pixels, 1.f);
        for (int k = start[tile]; k < start[tile + 1]; k++) {
            if ((k - start[tile]) % 64 == 63 && used_up(light)) break;
            const int i = ids[k];
            const Box r = s.reached(i, b);
            const float A = conic[3 * i], B = conic[3 * i + 1], C = conic[3 * i + 2], o = opacity[i],
                        red = color[3 * i], green = color[3 * i + 1], blue = color[3 * i + 2];
            for (int y = r.y0; y < r.y1; y++) {
                const float dy = y + 0.5f - center[2 * i + 1];
                const int row = (y - b.y0) * Tile - b.x0;
                for (int x = r.x0; x < r.x1; x++) {
                    const float dx = x + 0.5f - center[2 * i];
                    const float value = o * std::exp(-0.5f * (A * dx * dx + 2 * B * dx * dy + C * dy * dy));
                    const float alpha = value >= AlphaCut ? value : 0.f, w = light[row + x] * alpha;
                    sum[0][row + x] += w * red;
                    sum[1][row + x] += w * green;
                    sum[2][row + x] += w * blue;
                    light[row + x] -= w;
                }
            }
        }
        for (int y = b.y0; y < b.y1; y++)
            for (int x = b.x0; x < b.x1; x++) {
                const int at = (y - b.y0) * Tile + x - b.x0;
                for (int c = 0; c < 3; c++) picture[c * plane + y * width + x] = sum[c][at] + light[at] * background[c];
                picture[3 * plane + y * width + x] = 1 - light[at];
            }
    }
}

// Gradients are added to; the caller clears them. With s = gradient . (color, 1) of an ellipse, T the light that
// reaches it and `rest` the same product over all that lies behind it: d/d alpha = T s - rest / (1 - alpha).
extern "C" void rasterize_backward(int width, int height, const float* center, const float* conic, const float* opacity,
                                   const float* color, const int* ids, const int* start, const float* picture,
                                   const float* gradient, float* center_gradient, float* conic_gradient,
                                   float* opacity_gradient, float* color_gradient) {
    const Scene s{width, height, center, conic, opacity, color, ids, start};
    const int plane = width * height;
#pragma omp parallel for schedule(dynamic)
    for (int tile = 0; tile < s.tiles(); tile++) {
        const Box b = s.box(tile);
        float light[Pixels], rest[Pixels] = {}, g[4][Pixels] = {};
        std::fill(light, light + Pixels, 0.f);
        for (int y = b.y0; y < b.y1; y++)
            for (int x = b.x0; x < b.x1; x++) {
                const int at = (y - b.y0) * Tile + x - b.x0, pixel = y * width + x;
                light[at] = 1;
                for (int c = 0; c < 4; c++) {
                    g[c][at] = gradient[c * plane + pixel];
                    rest[at] += g[c][at] * picture[c * plane + pixel];
                }
            }
        for (int k = start[tile]; k < start[tile + 1]; k++) {
            if ((k - start[tile]) % 64 == 63 && used_up(light)) break;
            const int i = ids[k];
            const Box r = s.reached(i, b);
            const float A = conic[3 * i], B = conic[3 * i + 1], C = conic[3 * i + 2], o = opacity[i],
                        red = color[3 * i], green = color[3 * i + 1], blue = color[3 * i + 2];
            float dr = 0, dg = 0, db = 0, dop = 0, dA = 0, dB = 0, dC = 0, dX = 0, dY = 0;
            for (int y = r.y0; y < r.y1; y++) {
                const float dy = y + 0.5f - center[2 * i + 1];
                const int row = (y - b.y0) * Tile - b.x0;
                for (int x = r.x0; x < r.x1; x++) {
                    const int at = row + x;
                    const float dx = x + 0.5f - center[2 * i];
                    const float fall = std::exp(-0.5f * (A * dx * dx + 2 * B * dx * dy + C * dy * dy));
                    const float alpha = o * fall >= AlphaCut ? o * fall : 0.f, w = light[at] * alpha;
                    const float along = g[0][at] * red + g[1][at] * green + g[2][at] * blue + g[3][at];
                    rest[at] -= w * along;
                    float da = light[at] * along - rest[at] / std::max(1 - alpha, 1e-5f);
                    da = alpha > 0 ? da : 0.f;
                    dr += w * g[0][at];
                    dg += w * g[1][at];
                    db += w * g[2][at];
                    dop += da * fall;
                    const float dd = -0.5f * da * alpha;
                    dA += dd * dx * dx;
                    dB += 2 * dd * dx * dy;
                    dC += dd * dy * dy;
                    dX -= 2 * dd * (A * dx + B * dy);
                    dY -= 2 * dd * (B * dx + C * dy);
                    light[at] -= w;
                }
            }
            const float parts[9] = {dr, dg, db, dop, dA, dB, dC, dX, dY};
            float* const to[9] = {color_gradient + 3 * i,     color_gradient + 3 * i + 1, color_gradient + 3 * i + 2,
                                  opacity_gradient + i,       conic_gradient + 3 * i,     conic_gradient + 3 * i + 1,
                                  conic_gradient + 3 * i + 2, center_gradient + 2 * i,    center_gradient + 2 * i + 1};
            for (int part = 0; part < 9; part++) {
#pragma omp atomic
                *to[part] += parts[part];
            }
        }
    }
}

// The transpose of the forward picture with respect to color: color_sum of an ellipse is the sum over pixels of its
// weight in that pixel times `pixels` [3,H,W]. `pairs` [p,3] is scratch: sums of a tile come first, and are added in
// the order of the tiles, so that the result has the same bytes whatever the number of threads.
extern "C" void rasterize_transpose(int width, int height, int count, const float* center, const float* conic,
                                    const float* opacity, const int* ids, const int* start, const float* pixels,
                                    float* pairs, float* color_sum) {
    const Scene s{width, height, center, conic, opacity, nullptr, ids, start};
    const int plane = width * height;
#pragma omp parallel for schedule(dynamic)
    for (int tile = 0; tile < s.tiles(); tile++) {
        const Box b = s.box(tile);
        float light[Pixels], g[3][Pixels] = {};
        std::fill(light, light + Pixels, 0.f);
        for (int y = b.y0; y < b.y1; y++)
            for (int x = b.x0; x < b.x1; x++) {
                const int at = (y - b.y0) * Tile + x - b.x0;
                light[at] = 1;
                for (int c = 0; c < 3; c++) g[c][at] = pixels[c * plane + y * width + x];
            }
        std::fill(pairs + 3 * start[tile], pairs + 3 * start[tile + 1], 0.f);
        for (int k = start[tile]; k < start[tile + 1]; k++) {
            if ((k - start[tile]) % 64 == 63 && used_up(light)) break;
            const int i = ids[k];
            const Box r = s.reached(i, b);
            const float A = conic[3 * i], B = conic[3 * i + 1], C = conic[3 * i + 2], o = opacity[i];
            float sum[3] = {};
            for (int y = r.y0; y < r.y1; y++) {
                const float dy = y + 0.5f - center[2 * i + 1];
                const int row = (y - b.y0) * Tile - b.x0;
                for (int x = r.x0; x < r.x1; x++) {
                    const float dx = x + 0.5f - center[2 * i];
                    const float value = o * std::exp(-0.5f * (A * dx * dx + 2 * B * dx * dy + C * dy * dy));
                    const float alpha = value >= AlphaCut ? value : 0.f, w = light[row + x] * alpha;
                    for (int c = 0; c < 3; c++) sum[c] += w * g[c][row + x];
                    light[row + x] -= w;
                }
            }
            for (int c = 0; c < 3; c++) pairs[3 * k + c] = sum[c];
        }
    }
    std::fill(color_sum, color_sum + 3 * count, 0.f);
    for (int k = 0; k < start[s.tiles()]; k++)
        for (int c = 0; c < 3; c++) color_sum[3 * ids[k] + c] += pairs[3 * k + c];
}
