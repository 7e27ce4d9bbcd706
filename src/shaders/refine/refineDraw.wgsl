// refineDraw: the picture of colors over black, P_i = sum of w_ij c_j, and its coverage. w_ij = light left in pixel i,
// times alpha of Gaussian j there. Reads ellipses, order and start (Gaussians of each tile, front to back), colors.
// Writes picture. Grid: one workgroup per tile, one thread per pixel. Cost: 40 bytes read per Gaussian of a tile, 16
// written per pixel. Reference: src/runtime/refine/splatWeights.ts
#import "shared/refineParams.wgsl"
#import "shared/refineEllipse.wgsl"
#import "shared/refineTile.wgsl"

@group(0) @binding(0) var<uniform> params: RefineParams;
@group(1) @binding(0) var<storage, read> ellipses: array<RefineEllipse>;
@group(1) @binding(1) var<storage, read> order: array<u32>;
@group(1) @binding(2) var<storage, read> start: array<u32>;
@group(1) @binding(3) var<storage, read> colors: array<f32>; // [n,3]
@group(2) @binding(0) var<storage, read_write> picture: array<vec4f>; // [S,S]

const Chunk: u32 = 64u; // Gaussians that are read at once

var<workgroup> chunkEllipse: array<RefineEllipse, Chunk>;
var<workgroup> chunkColor: array<vec3f, Chunk>;
var<workgroup> hasLight: atomic<u32>;
var<workgroup> goesOn: u32;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
    let tile = tileOf(group);
    let pixel = pixelOf(tile, thread);
    let isInside = all(pixel < vec2u(params.size));
    let pixelCenter = vec2f(pixel) + 0.5;
    let gaussians = gaussiansOf(tile);
    let end = gaussians.y;
    var light = select(0.0, 1.0, isInside);
    var drawn = vec4f();
    for (var first = gaussians.x; first < end; first += Chunk) {
        let count = min(Chunk, end - first);
        if (thread < count) {
            let gaussian = order[first + thread];
            chunkEllipse[thread] = ellipses[gaussian];
            chunkColor[thread] = vec3f(colors[3u * gaussian], colors[3u * gaussian + 1u], colors[3u * gaussian + 2u]);
        }
        if (thread == 0u) {
            atomicStore(&hasLight, 0u);
        }
        workgroupBarrier();
        for (var k = 0u; k < count; k++) {
            let weight = light * alphaIn(chunkEllipse[k], pixelCenter);
            light -= weight;
            drawn += weight * vec4f(chunkColor[k], 1.0);
        }
        if (light >= Opaque) {
            atomicStore(&hasLight, 1u);
        }
        workgroupBarrier();
        if (thread == 0u) {
            goesOn = atomicLoad(&hasLight);
        }
        if (workgroupUniformLoad(&goesOn) == 0u) {
            break;
        }
    }
    if (isInside) {
        picture[pixel.y * params.size + pixel.x] = drawn;
    }
}
