// refineGather: a tile's part of the transpose, the sum of w_ij x_i over its pixels i, for each of its Gaussians j. No
// atomics on sums: their order is fixed. Reads ellipses, order and start (Gaussians of each tile, front to back), place
// (where the sum of each goes), values. Writes tileSums. Grid: one workgroup per tile, one thread per pixel. Cost: 44
// bytes read and 12 written per Gaussian of a tile. What is not reached stays 0. Reference:
// src/runtime/refine/splatWeights.ts
#import "shared/refineParams.wgsl"
#import "shared/refineEllipse.wgsl"
#import "shared/refineTile.wgsl"

@group(0) @binding(0) var<uniform> params: RefineParams;
@group(1) @binding(0) var<storage, read> ellipses: array<RefineEllipse>;
@group(1) @binding(1) var<storage, read> order: array<u32>;
@group(1) @binding(2) var<storage, read> start: array<u32>;
@group(1) @binding(3) var<storage, read> place: array<u32>;
@group(1) @binding(4) var<storage, read> values: array<f32>; // [S,S,3]
@group(2) @binding(0) var<storage, read_write> tileSums: array<f32>; // [pairs,3]

const Chunk: u32 = 8u; // Gaussians whose weights are kept at once
const Lanes: u32 = TilePixels / Chunk; // threads that add up the weights of one of them
const ChunksPerCheck: u32 = 8u;

var<workgroup> chunkEllipse: array<RefineEllipse, Chunk>;
var<workgroup> weights: array<f32, Chunk * TilePixels>;
var<workgroup> tileValues: array<f32, 3u * TilePixels>;
var<workgroup> laneSums: array<f32, 3u * TilePixels>;
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
    for (var channel = 0u; channel < 3u; channel++) {
        let at = 3u * (pixel.y * params.size + pixel.x) + channel;
        tileValues[channel * TilePixels + thread] = select(0.0, values[min(at, arrayLength(&values) - 1u)], isInside);
    }
    let lane = thread % Lanes;
    let summed = thread / Lanes; // Gaussian of the chunk
    var chunk = 0u;
    for (var first = gaussians.x; first < end; first += Chunk) {
        let count = min(Chunk, end - first);
        if (thread < count) {
            chunkEllipse[thread] = ellipses[order[first + thread]];
        }
        if (thread == 0u) {
            atomicStore(&hasLight, 0u);
        }
        workgroupBarrier();
        for (var k = 0u; k < count; k++) {
            let weight = light * alphaIn(chunkEllipse[k], pixelCenter);
            light -= weight;
            weights[k * TilePixels + thread] = weight;
        }
        if (light >= Opaque) {
            atomicStore(&hasLight, 1u);
        }
        workgroupBarrier();
        if (summed < count) {
            var sum = vec3f();
            for (var p = lane; p < TilePixels; p += Lanes) {
                sum += weights[summed * TilePixels + p]
                    * vec3f(tileValues[p], tileValues[TilePixels + p], tileValues[2u * TilePixels + p]);
            }
            laneSums[thread] = sum.x;
            laneSums[TilePixels + thread] = sum.y;
            laneSums[2u * TilePixels + thread] = sum.z;
        }
        workgroupBarrier();
        if (thread < 3u * count) {
            let channel = thread % 3u;
            let firstLane = channel * TilePixels + (thread / 3u) * Lanes;
            var sum = 0.0;
            for (var k = firstLane; k < firstLane + Lanes; k++) {
                sum += laneSums[k];
            }
            tileSums[3u * place[first + thread / 3u] + channel] = sum;
        }
        chunk++;
        if (chunk % ChunksPerCheck == 0u) {
            if (thread == 0u) {
                goesOn = atomicLoad(&hasLight);
            }
            if (workgroupUniformLoad(&goesOn) == 0u) {
                break;
            }
        }
    }
}
