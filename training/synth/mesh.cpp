// Mesh kernels of the synthetic generator: z-buffer, normals, lit samples, visibility. Called through ctypes by
// mesh.py. Camera space is right-handed, +X right, +Y up, +Z towards the viewer; pixel = W/2 + f X/(-Z), H/2 - f
// Y/(-Z).
#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

extern "C" {

// Nearest triangle of each pixel centre. face -1 = background; bary [H,W,2] are perspective-correct weights of corners
// 0 and 1; depth = distance along the view axis, 1e9 for background.
void mesh_raster(const float* camera, const int* faces, int faceCount, float f, int W, int H, int* face, float* bary,
                 float* depth) {
    for (int i = 0; i < W * H; i++) { face[i] = -1; depth[i] = 1e9f; bary[2 * i] = bary[2 * i + 1] = 0; }
    for (int t = 0; t < faceCount; t++) {
        float x[3], y[3], w[3];
        bool front = true;
        for (int k = 0; k < 3; k++) {
            const float* p = camera + 3 * faces[3 * t + k];
            const float z = -p[2];
            if (z < 0.05f) { front = false; break; }
            w[k] = 1 / z;
            x[k] = W * 0.5f + f * p[0] * w[k];
            y[k] = H * 0.5f - f * p[1] * w[k];
        }
        if (!front) continue;
        const float area = (x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0]);
        if (std::fabs(area) < 1e-9f) continue;
        const int x0 = std::max(0, (int)std::ceil(std::min({x[0], x[1], x[2]}) - 0.5f));
        const int x1 = std::min(W - 1, (int)std::floor(std::max({x[0], x[1], x[2]}) - 0.5f));
        const int y0 = std::max(0, (int)std::ceil(std::min({y[0], y[1], y[2]}) - 0.5f));
        const int y1 = std::min(H - 1, (int)std::floor(std::max({y[0], y[1], y[2]}) - 0.5f));
        const float inv = 1 / area;
        for (int py = y0; py <= y1; py++) {
            const float cy = py + 0.5f;
            for (int px = x0; px <= x1; px++) {
                const float cx = px + 0.5f;
                const float b1 = ((cx - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (cy - y[0])) * inv;
                const float b2 = ((x[1] - x[0]) * (cy - y[0]) - (cx - x[0]) * (y[1] - y[0])) * inv;
                const float b0 = 1 - b1 - b2;
                if (b0 < 0 || b1 < 0 || b2 < 0) continue;
                const float q = b0 * w[0] + b1 * w[1] + b2 * w[2];
                const float d = 1 / q;
                const int i = py * W + px;
                if (d < depth[i]) {
                    depth[i] = d;
                    face[i] = t;
                    bary[2 * i] = b0 * w[0] * d;
                    bary[2 * i + 1] = b1 * w[1] * d;
                }
            }
        }
    }
}

// Area-weighted unit vertex normals.
void vertex_normals(const float* v, int vertexCount, const int* faces, int faceCount, float* n) {
    std::memset(n, 0, sizeof(float) * 3 * vertexCount);
    for (int t = 0; t < faceCount; t++) {
        const float *a = v + 3 * faces[3 * t], *b = v + 3 * faces[3 * t + 1], *c = v + 3 * faces[3 * t + 2];
        const float ux = b[0] - a[0], uy = b[1] - a[1], uz = b[2] - a[2], vx = c[0] - a[0], vy = c[1] - a[1],
                    vz = c[2] - a[2];
        const float m[3] = {uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx};
        for (int k = 0; k < 3; k++)
            for (int j = 0; j < 3; j++) n[3 * faces[3 * t + k] + j] += m[j];
    }
    for (int i = 0; i < vertexCount; i++) {
        float* m = n + 3 * i;
        const float l = std::sqrt(m[0] * m[0] + m[1] * m[1] + m[2] * m[2]);
        for (int j = 0; j < 3; j++) m[j] = l > 1e-20f ? m[j] / l : (j == 2);
    }
}

// attribute[V,C] at samples (face, bary) -> out[n,C]; a sample with face < 0 gets zeros.
void interpolate(int n, const int* face, const float* bary, const int* faces, const float* attribute, int C,
                 float* out) {
    for (int i = 0; i < n; i++) {
        float* o = out + (size_t)C * i;
        if (face[i] < 0) { for (int c = 0; c < C; c++) o[c] = 0; continue; }
        const int* k = faces + 3 * face[i];
        const float b0 = bary[2 * i], b1 = bary[2 * i + 1], b2 = 1 - b0 - b1;
        const float *p = attribute + (size_t)C * k[0], *q = attribute + (size_t)C * k[1],
                    *r = attribute + (size_t)C * k[2];
        for (int c = 0; c < C; c++) o[c] = b0 * p[c] + b1 * q[c] + b2 * r[c];
    }
}

// out[n] = sum_k weight[k] * field[k,n]; zero weights cost nothing.
void mix(int count, int n, const float* weight, const float* field, float* out) {
    std::memset(out, 0, sizeof(float) * n);
    for (int k = 0; k < count; k++) {
        const float w = weight[k], *p = field + (size_t)k * n;
        if (w == 0) continue;
        for (int i = 0; i < n; i++) out[i] += w * p[i];
    }
}

// out[n,3] = R [3,3] point + t.
void rigid(int n, const float* point, const float* R, const float* t, float* out) {
    for (int i = 0; i < n; i++) {
        const float *p = point + 3 * i;
        for (int r = 0; r < 3; r++) out[3 * i + r] = R[3 * r] * p[0] + R[3 * r + 1] * p[1] + R[3 * r + 2] * p[2] + t[r];
    }
}

// Skinning: out[n,3] = (sum_j weight[n,J] M[J,3,4]) (point, 1); the blended matrices [n,12] are kept when asked for.
void skin(int n, int J, const float* weight, const float* M, const float* point, float* out, float* blended) {
    for (int i = 0; i < n; i++) {
        float B[12] = {0};
        for (int j = 0; j < J; j++) {
            const float w = weight[J * i + j];
            if (w != 0) for (int k = 0; k < 12; k++) B[k] += w * M[12 * j + k];
        }
        const float* p = point + 3 * i;
        for (int r = 0; r < 3; r++)
            out[3 * i + r] = B[4 * r] * p[0] + B[4 * r + 1] * p[1] + B[4 * r + 2] * p[2] + B[4 * r + 3];
        if (blended) std::memcpy(blended + 12 * (size_t)i, B, sizeof(B));
    }
}

// Linear RGB of samples. texture [size,size,8] = linear albedo 3, specular strength, gloss exponent, normal detail (du,
// dv, -): the detail tilts the normal in camera-free tangent directions that the caller baked as a 3-vector,
// channels 5..7, in canonical axes. vertex attributes: position 3, normal 3, occlusion 1 + lightCount visibilities. sh
// [9,3] irradiance polynomial (already divided by pi). eye: camera centre in the same space, or null for no specular
// light (view-independent color). What is seen from behind is lit as a back of its own where twoSided, else it has its
// front's diffuse color, as a Gaussian has one color for all sides.
void shade(int n, const int* face, const float* bary, const int* faces, const int* uvFaces, const float* uv,
           const float* texture, int size, const float* position, const float* normal, const float* occlusion,
           const float* sh, int lightCount, const float* lightDirection, const float* lightColor, const float* eye,
           int twoSided, float* out) {
    const int C = 1 + lightCount;
    for (int i = 0; i < n; i++) {
        float* o = out + 3 * i;
        o[0] = o[1] = o[2] = 0;
        const int t = face[i];
        if (t < 0) continue;
        const float b[3] = {bary[2 * i], bary[2 * i + 1], 1 - bary[2 * i] - bary[2 * i + 1]};
        float N[3] = {0, 0, 0}, P[3] = {0, 0, 0}, A[8] = {0}, u = 0, v = 0;
        for (int k = 0; k < 3; k++) {
            const int j = faces[3 * t + k], q = uvFaces[3 * t + k];
            for (int c = 0; c < 3; c++) { N[c] += b[k] * normal[3 * j + c]; P[c] += b[k] * position[3 * j + c]; }
            for (int c = 0; c < C; c++) A[c] += b[k] * occlusion[C * j + c];
            u += b[k] * uv[2 * q];
            v += b[k] * uv[2 * q + 1];
        }
        const float col = std::min(std::max(u * size - 0.5f, 0.f), size - 1.001f),
                    row = std::min(std::max((1 - v) * size - 0.5f, 0.f), size - 1.001f);
        const int c0 = (int)col, r0 = (int)row;
        const float fc = col - c0, fr = row - r0;
        const float* T = texture + 8 * ((size_t)r0 * size + c0);
        float S[8];
        for (int c = 0; c < 8; c++)
            S[c] = (1 - fr) * ((1 - fc) * T[c] + fc * T[8 + c]) +
                   fr * ((1 - fc) * T[8 * size + c] + fc * T[8 * size + 8 + c]);
        for (int c = 0; c < 3; c++) N[c] += S[5 + c];
        float V[3] = {0, 0, 0};
        bool glossy = eye;
        if (eye) {
            float l = 0;
            for (int c = 0; c < 3; c++) { V[c] = eye[c] - P[c]; l += V[c] * V[c]; }
            l = 1 / std::sqrt(l);
            for (int c = 0; c < 3; c++) V[c] *= l;
            if (N[0] * V[0] + N[1] * V[1] + N[2] * V[2] < -0.3f) {
                glossy = twoSided;
                if (twoSided) {
                    for (int c = 0; c < 3; c++) N[c] = -N[c];
                    A[0] *= 0.5f;
                }
            }
        }
        const float l = 1 / std::sqrt(N[0] * N[0] + N[1] * N[1] + N[2] * N[2] + 1e-12f);
        const float x = N[0] * l, y = N[1] * l, z = N[2] * l;
        const float Y[9] = {1, y, z, x, x * y, y * z, 3 * z * z - 1, x * z, x * x - y * y};
        float diffuse[3] = {0, 0, 0}, specular[3] = {0, 0, 0};
        for (int c = 0; c < 3; c++) {
            for (int k = 0; k < 9; k++) diffuse[c] += sh[3 * k + c] * Y[k];
            diffuse[c] = std::max(diffuse[c], 0.f) * A[0];
            specular[c] = 0.04f * diffuse[c] * S[3];
        }
        for (int m = 0; m < lightCount; m++) {
            const float* L = lightDirection + 3 * m;
            const float nl = x * L[0] + y * L[1] + z * L[2];
            const float wrap = std::max(0.f, (nl + 0.12f) / 1.12f); // soft terminator, stands for subsurface scattering
            float s = 0;
            if (glossy && nl > 0) {
                float h[3], hl = 0;
                for (int c = 0; c < 3; c++) { h[c] = L[c] + V[c]; hl += h[c] * h[c]; }
                const float nh = std::max(0.f, (x * h[0] + y * h[1] + z * h[2]) / std::sqrt(hl + 1e-12f));
                // nh^g <= exp(-g (1 - nh)): most samples are far from the highlight and skip the power
                if (S[4] * (1 - nh) < 8) s = S[3] * (S[4] + 2) * 0.125f * std::pow(nh, S[4]) * nl;
            }
            for (int c = 0; c < 3; c++) {
                diffuse[c] += lightColor[3 * m + c] * wrap * A[1 + m];
                specular[c] += lightColor[3 * m + c] * s * A[1 + m];
            }
        }
        for (int c = 0; c < 3; c++) o[c] = S[c] * diffuse[c] + specular[c];
    }
}

// visible[n] = 1 where a camera-space point is in the picture, in front of depth + bias, and faces the camera by more
// than minFacing. out xy in pixels and facing (cosine) too.
void visibility(int n, const float* point, const float* normal, float f, int W, int H, const float* depth, float bias,
                float minFacing, float* xy, float* facing, unsigned char* visible) {
    for (int i = 0; i < n; i++) {
        const float *p = point + 3 * i, *m = normal + 3 * i;
        visible[i] = 0;
        const float l = std::sqrt(p[0] * p[0] + p[1] * p[1] + p[2] * p[2]) + 1e-9f;
        facing[i] = -(p[0] * m[0] + p[1] * m[1] + p[2] * m[2]) / l /
                    (std::sqrt(m[0] * m[0] + m[1] * m[1] + m[2] * m[2]) + 1e-12f);
        if (-p[2] < 0.05f) { xy[2 * i] = xy[2 * i + 1] = -1; continue; }
        const float x = W * 0.5f - f * p[0] / p[2], y = H * 0.5f + f * p[1] / p[2];
        xy[2 * i] = x;
        xy[2 * i + 1] = y;
        if (x < 0 || y < 0 || x >= W || y >= H || facing[i] < minFacing) continue;
        // the farthest of the four nearest depth samples, so that silhouettes and slopes do not hide themselves
        float d = 0;
        const int cx = std::min(std::max((int)std::floor(x - 0.5f), 0), W - 2),
                  cy = std::min(std::max((int)std::floor(y - 0.5f), 0), H - 2);
        for (int k = 0; k < 4; k++) {
            const float e = depth[(cy + (k >> 1)) * W + cx + (k & 1)];
            if (e < 1e8f) d = std::max(d, e);
        }
        visible[i] = -p[2] <= d + bias;
    }
}

// Surfels of texels from the deformed surface: tangents along +u and +v by finite differences over the face's own UV
// parametrisation. scale: log sigma in plane = ln(inPlane * spacing), normal = ln(normalRatio * mean in-plane sigma).
// quat x,y,z,w with dot(quat, base) > 0 if base given.
void surfels(int n, const int* face, const int* faces, const int* uvFaces, const float* uv, const float* position,
             int size, float inPlane, float normalRatio, const float* base, float* logScale, float* quat) {
    for (int i = 0; i < n; i++) {
        const int t = face[i];
        const int *k = faces + 3 * t, *q = uvFaces + 3 * t;
        const float *a = position + 3 * k[0], *b = position + 3 * k[1], *c = position + 3 * k[2];
        const float *ua = uv + 2 * q[0], *ub = uv + 2 * q[1], *uc = uv + 2 * q[2];
        const float du1 = ub[0] - ua[0], dv1 = ub[1] - ua[1], du2 = uc[0] - ua[0], dv2 = uc[1] - ua[1];
        const float det = du1 * dv2 - du2 * dv1, inv = std::fabs(det) > 1e-14f ? 1 / det : 0;
        // A Gaussian is an ellipse: its axes come from the 3x2 Jacobian J = dP/d(u,v) by its singular values.
        float Tu[3], Tv[3];
        for (int j = 0; j < 3; j++) {
            const float e1 = b[j] - a[j], e2 = c[j] - a[j];
            Tu[j] = (e1 * dv2 - e2 * dv1) * inv;
            Tv[j] = (e2 * du1 - e1 * du2) * inv;
        }
        // Orthogonal frame closest to (Tu, Tv): keeps the in-plane angle continuous over the chart (no eigenvector
        // flips).
        float lu = 0, lv = 0;
        for (int j = 0; j < 3; j++) { lu += Tu[j] * Tu[j]; lv += Tv[j] * Tv[j]; }
        lu = std::sqrt(lu) + 1e-12f; lv = std::sqrt(lv) + 1e-12f;
        float X[3], Y[3], Z[3], s = 0, d = 0;
        for (int j = 0; j < 3; j++) { X[j] = Tu[j] / lu + 0; Y[j] = Tv[j] / lv; }
        float P[3], M[3];
        for (int j = 0; j < 3; j++) { P[j] = X[j] + Y[j]; M[j] = X[j] - Y[j]; s += P[j] * P[j]; d += M[j] * M[j]; }
        s = 1 / (std::sqrt(s) + 1e-12f); d = 1 / (std::sqrt(d) + 1e-12f);
        const float h = 0.70710678f;
        for (int j = 0; j < 3; j++) { X[j] = h * (P[j] * s + M[j] * d); Y[j] = h * (P[j] * s - M[j] * d); }
        Z[0] = X[1] * Y[2] - X[2] * Y[1]; Z[1] = X[2] * Y[0] - X[0] * Y[2]; Z[2] = X[0] * Y[1] - X[1] * Y[0];
        float sx = 0, sy = 0;  // extent of one texel step along each axis
        {
            float ux = 0, vx = 0, uy = 0, vy = 0;
            for (int j = 0; j < 3; j++) {
                ux += X[j] * Tu[j];
                vx += X[j] * Tv[j];
                uy += Y[j] * Tu[j];
                vy += Y[j] * Tv[j];
            }
            sx = std::sqrt(ux * ux + vx * vx) / size;
            sy = std::sqrt(uy * uy + vy * vy) / size;
        }
        sx = std::min(std::max(inPlane * sx, 1e-5f), 0.02f);
        sy = std::min(std::max(inPlane * sy, 1e-5f), 0.02f);
        logScale[3 * i] = std::log(sx);
        logScale[3 * i + 1] = std::log(sy);
        logScale[3 * i + 2] = std::log(std::max(normalRatio * 0.5f * (sx + sy), 1e-5f));
        const float m00 = X[0], m10 = X[1], m20 = X[2], m01 = Y[0], m11 = Y[1], m21 = Y[2], m02 = Z[0], m12 = Z[1],
                    m22 = Z[2];
        float Q[4];
        const float tr = m00 + m11 + m22;
        if (tr > 0) {
            const float r = std::sqrt(1 + tr) * 2;
            Q[3] = r / 4;
            Q[0] = (m21 - m12) / r;
            Q[1] = (m02 - m20) / r;
            Q[2] = (m10 - m01) / r;
        } else if (m00 > m11 && m00 > m22) {
            const float r = std::sqrt(1 + m00 - m11 - m22) * 2;
            Q[0] = r / 4;
            Q[3] = (m21 - m12) / r;
            Q[1] = (m01 + m10) / r;
            Q[2] = (m02 + m20) / r;
        } else if (m11 > m22) {
            const float r = std::sqrt(1 + m11 - m00 - m22) * 2;
            Q[1] = r / 4;
            Q[3] = (m02 - m20) / r;
            Q[0] = (m01 + m10) / r;
            Q[2] = (m12 + m21) / r;
        } else {
            const float r = std::sqrt(1 + m22 - m00 - m11) * 2;
            Q[2] = r / 4;
            Q[3] = (m10 - m01) / r;
            Q[0] = (m02 + m20) / r;
            Q[1] = (m12 + m21) / r;
        }
        float sign = 1;
        if (base)
            sign = Q[0] * base[4 * i] + Q[1] * base[4 * i + 1] + Q[2] * base[4 * i + 2] + Q[3] * base[4 * i + 3] < 0
                       ? -1
                       : 1;
        else if (Q[3] < 0) sign = -1;
        for (int j = 0; j < 4; j++) quat[4 * i + j] = sign * Q[j];
    }
}
}
