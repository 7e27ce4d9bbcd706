// refineSum: the transpose, adding up what the tiles found for each Gaussian, tiles in order. Reads tileSums,
// firstPlace. Writes sums. Grid: one thread per Gaussian, 64 per workgroup. Cost: 12 bytes read per Gaussian of a tile,
// 12 written per Gaussian. Reference: src/runtime/refine/splatWeights.ts
#import "shared/refineParams.wgsl"

@group(0) @binding(0) var<uniform> params: RefineParams;
@group(1) @binding(0) var<storage, read> tileSums: array<f32>; // [pairs,3], those of a Gaussian beside each other
@group(1) @binding(1) var<storage, read> firstPlace: array<u32>; // [n+1]
@group(2) @binding(0) var<storage, read_write> sums: array<f32>; // [n,3]

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let gaussian = id.x;
    if (gaussian >= params.gaussianCount) {
        return;
    }
    var sum = vec3f();
    for (var place = firstPlace[gaussian]; place < firstPlace[gaussian + 1u]; place++) {
        sum += vec3f(tileSums[3u * place], tileSums[3u * place + 1u], tileSums[3u * place + 2u]);
    }
    sums[3u * gaussian] = sum.x;
    sums[3u * gaussian + 1u] = sum.y;
    sums[3u * gaussian + 2u] = sum.z;
}
