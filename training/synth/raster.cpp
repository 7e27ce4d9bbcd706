// CPU reference rasteriser of 3D Gaussians (DESIGN section 4): EWA projection with 0.3 px^2 dilation, falloff
// exp(-d^2/2), cut at 1/255, back-to-front "over" in sRGB-encoded color. Called through ctypes by raster.py. Written
// from the formulas, plain loops.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

extern "C" void splat(int n, const float* mean, const float* quat, const float* scale, const float* opacity,
                      const float* color, const float* R, const float* t, float f, int W, int H,
                      float* image /* [H,W,4] in: background rgb, 0; out: rgb, coverage */) {
    std::vector<float> depth(n), camera(3 * (size_t)n);
    std::vector<int> order;
    for (int i = 0; i < n; i++) {
        for (int r = 0; r < 3; r++)
            camera[3 * (size_t)i + r] =
                R[3 * r] * mean[3 * i] + R[3 * r + 1] * mean[3 * i + 1] + R[3 * r + 2] * mean[3 * i + 2] + t[r];
        depth[i] = -camera[3 * (size_t)i + 2];
        if (depth[i] > 0.05f) order.push_back(i);
    }
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return depth[a] > depth[b]; });
    for (int i : order) {
        const float *c = &camera[3 * (size_t)i], z = depth[i];
        const float px = W * 0.5f + f * c[0] / z, py = H * 0.5f - f * c[1] / z;
        float q[4], l = 0;
        for (int k = 0; k < 4; k++) l += quat[4 * i + k] * quat[4 * i + k];
        l = 1 / std::sqrt(l + 1e-20f);
        for (int k = 0; k < 4; k++) q[k] = quat[4 * i + k] * l;
        const float x = q[0], y = q[1], s = q[2], w = q[3];
        const float M[9] = {1 - 2 * (y * y + s * s), 2 * (x * y - s * w),     2 * (x * s + y * w),
                            2 * (x * y + s * w),     1 - 2 * (x * x + s * s), 2 * (y * s - x * w),
                            2 * (x * s - y * w),     2 * (y * s + x * w),     1 - 2 * (x * x + y * y)};
        // J: d(px,py)/d(X,Y,Z) with depth = -Z
        const float J[6] = {f / z, 0, f * c[0] / (z * z), 0, -f / z, -f * c[1] / (z * z)};
        float A[6];  // J R M diag(scale): [2,3]
        for (int a = 0; a < 2; a++) {
            float JR[3];
            for (int k = 0; k < 3; k++) JR[k] = J[3 * a] * R[k] + J[3 * a + 1] * R[3 + k] + J[3 * a + 2] * R[6 + k];
            for (int k = 0; k < 3; k++)
                A[3 * a + k] = (JR[0] * M[k] + JR[1] * M[3 + k] + JR[2] * M[6 + k]) * scale[3 * i + k];
        }
        const float cxx = A[0] * A[0] + A[1] * A[1] + A[2] * A[2] + 0.3f,
                    cyy = A[3] * A[3] + A[4] * A[4] + A[5] * A[5] + 0.3f;
        const float cxy = A[0] * A[3] + A[1] * A[4] + A[2] * A[5];
        const float det = cxx * cyy - cxy * cxy;
        if (!(det > 0) || opacity[i] < 1 / 255.f) continue;
        const float ia = cyy / det, ib = -cxy / det, ic = cxx / det;
        const float limit = 2 * std::log(255 * opacity[i]);  // d^2 at which alpha falls to 1/255
        const float rx = std::sqrt(limit * cxx), ry = std::sqrt(limit * cyy);
        const int x0 = std::max(0, (int)std::ceil(px - rx - 0.5f)),
                  x1 = std::min(W - 1, (int)std::floor(px + rx - 0.5f));
        const int y0 = std::max(0, (int)std::ceil(py - ry - 0.5f)),
                  y1 = std::min(H - 1, (int)std::floor(py + ry - 0.5f));
        for (int v = y0; v <= y1; v++)
            for (int u = x0; u <= x1; u++) {
                const float dx = u + 0.5f - px, dy = v + 0.5f - py;
                const float d2 = ia * dx * dx + 2 * ib * dx * dy + ic * dy * dy;
                if (d2 > limit) continue;
                const float a = opacity[i] * std::exp(-0.5f * d2);
                float* o = image + 4 * ((size_t)v * W + u);
                for (int k = 0; k < 3; k++) o[k] += a * (std::min(std::max(color[3 * i + k], 0.f), 1.f) - o[k]);
                o[3] += a * (1 - o[3]);
            }
    }
}
