// Hair cards of the labelled renderer: a z-buffer over one that exists already, with holes where the texture's alpha is
// low. Called by cards.py. Camera space as in synth/mesh.cpp.
#include <algorithm>
#include <cmath>

extern "C" {

// Draws triangles into face, bary and depth [H,W] in place; `first` is added to their numbers. alpha [size,size] 0..1
// is looked up at uv (v up) and a pixel is drawn where it is at least `least`.
void card_raster(const float* camera, const int* faces, const int* uvFaces, const float* uv, int faceCount, float f,
                 int W, int H, const float* alpha, int size, float least, int first, int* face, float* bary,
                 float* depth) {
    for (int t = 0; t < faceCount; t++) {
        float x[3], y[3], w[3], u[3], v[3];
        bool front = true;
        for (int k = 0; k < 3; k++) {
            const float* p = camera + 3 * faces[3 * t + k];
            const float z = -p[2];
            if (z < 0.05f) { front = false; break; }
            w[k] = 1 / z;
            x[k] = W * 0.5f + f * p[0] * w[k];
            y[k] = H * 0.5f - f * p[1] * w[k];
            u[k] = uv[2 * uvFaces[3 * t + k]];
            v[k] = uv[2 * uvFaces[3 * t + k] + 1];
        }
        if (!front) continue;
        const float area = (x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0]);
        if (std::fabs(area) < 1e-9f) continue;
        const int x0 = std::max(0, (int)std::ceil(std::min({x[0], x[1], x[2]}) - 0.5f));
        const int x1 = std::min(W - 1, (int)std::floor(std::max({x[0], x[1], x[2]}) - 0.5f));
        const int y0 = std::max(0, (int)std::ceil(std::min({y[0], y[1], y[2]}) - 0.5f));
        const int y1 = std::min(H - 1, (int)std::floor(std::max({y[0], y[1], y[2]}) - 0.5f));
        const float inv = 1 / area;
        for (int py = y0; py <= y1; py++)
            for (int px = x0; px <= x1; px++) {
                const float cx = px + 0.5f, cy = py + 0.5f;
                const float b1 = ((cx - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (cy - y[0])) * inv;
                const float b2 = ((x[1] - x[0]) * (cy - y[0]) - (cx - x[0]) * (y[1] - y[0])) * inv;
                const float b0 = 1 - b1 - b2;
                if (b0 < 0 || b1 < 0 || b2 < 0) continue;
                const float d = 1 / (b0 * w[0] + b1 * w[1] + b2 * w[2]);
                const int i = py * W + px;
                if (d >= depth[i]) continue;
                const float c0 = b0 * w[0] * d, c1 = b1 * w[1] * d, c2 = 1 - c0 - c1;
                const float s = c0 * u[0] + c1 * u[1] + c2 * u[2], r = c0 * v[0] + c1 * v[1] + c2 * v[2];
                const int column = std::min(std::max((int)(s * size), 0), size - 1),
                          row = std::min(std::max((int)((1 - r) * size), 0), size - 1);
                if (alpha[row * size + column] < least) continue;
                depth[i] = d;
                face[i] = first + t;
                bary[2 * i] = c0;
                bary[2 * i + 1] = c1;
            }
    }
}
}
