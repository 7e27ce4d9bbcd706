// Forward picture of textured splats: each Gaussian adds a shade, read from an atlas of mip levels at the fragment's
// own place, to its color. Called through ctypes by close_up.py; slow and plain. Blending as in rasterizer/tiles.cpp;
// ids [p], start [tiles+1] are its tiles. Per Gaussian: place [n,2] in the atlas 0..1, slope [n,4] row-major d place /
// d pixel, level [n], strength [n] 0..1. Levels lie one after the other, level k as [edge >> k, edge >> k].
#include <algorithm>
#include <cmath>
#include <vector>

namespace {
constexpr int Tile = 16;
constexpr float AlphaCut = 1 / 255.f;

struct Atlas {
    int edge, levels;
    std::vector<const float*> texels;
    Atlas(const float* all, int edge, int levels) : edge(edge), levels(levels) {
        for (int k = 0; k < levels; all += (edge >> k) * (edge >> k), k++) texels.push_back(all);
    }
    float bilinear(int level, float u, float v) const {
        const int size = edge >> level;
        const float x = u * size - 0.5f, y = v * size - 0.5f;
        const int x0 = (int)std::floor(x), y0 = (int)std::floor(y);
        float sum = 0;
        for (int k = 0; k < 4; k++) {
            const int column = std::clamp(x0 + (k & 1), 0, size - 1), row = std::clamp(y0 + (k >> 1), 0, size - 1);
            sum += (k & 1 ? x - x0 : 1 - x + x0) * (k >> 1 ? y - y0 : 1 - y + y0) * texels[level][row * size + column];
        }
        return sum;
    }
    float read(float u, float v, float level) const {
        const int low = std::min((int)level, levels - 1), high = std::min(low + 1, levels - 1);
        return (1 - (level - low)) * bilinear(low, u, v) + (level - low) * bilinear(high, u, v);
    }
};
}  // namespace

extern "C" void textured_forward(int width, int height, int edge, int levels, const float* center, const float* conic,
                                 const float* opacity, const float* color, const int* ids, const int* start,
                                 const float* place, const float* slope, const float* level, const float* strength,
                                 const float* texels, float* picture) {
    const Atlas atlas(texels, edge, levels);
    const int across = (width + Tile - 1) / Tile, down = (height + Tile - 1) / Tile, plane = width * height;
#pragma omp parallel for schedule(dynamic)
    for (int tile = 0; tile < across * down; tile++) {
        const int x0 = tile % across * Tile, y0 = tile / across * Tile;
        for (int y = y0; y < std::min(y0 + Tile, height); y++)
            for (int x = x0; x < std::min(x0 + Tile, width); x++) {
                float light = 1, sum[3] = {};
                for (int k = start[tile]; k < start[tile + 1] && light > 1e-5f; k++) {
                    const int i = ids[k];
                    const float dx = x + 0.5f - center[2 * i], dy = y + 0.5f - center[2 * i + 1];
                    const float d =
                        conic[3 * i] * dx * dx + 2 * conic[3 * i + 1] * dx * dy + conic[3 * i + 2] * dy * dy;
                    const float alpha = opacity[i] * std::exp(-0.5f * d);
                    if (alpha < AlphaCut) continue;
                    float shade = 0;
                    if (strength[i] > 0)
                        shade = strength[i] *
                                atlas.read(place[2 * i] + slope[4 * i] * dx + slope[4 * i + 1] * dy,
                                           place[2 * i + 1] + slope[4 * i + 2] * dx + slope[4 * i + 3] * dy, level[i]);
                    for (int c = 0; c < 3; c++)
                        sum[c] += light * alpha * std::clamp(color[3 * i + c] + shade, 0.f, 1.f);
                    light -= light * alpha;
                }
                for (int c = 0; c < 3; c++) picture[c * plane + y * width + x] = sum[c];
                picture[3 * plane + y * width + x] = 1 - light;
            }
    }
}
