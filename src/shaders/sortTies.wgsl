// sortTies: order records of equal key by index, so that a frame is the same each time it is drawn. The place of a
// record in its bucket is the number of smaller indices there. Crowded buckets are left to sortCrowded. Reads keys,
// scattered, bucketEnd (from sortScatter). Writes order. Grid: one thread per sorted place, 256 per workgroup. Cost: 16
// bytes + 4 per record of the bucket read, 4 written. Reference: src/runtime/reference/sort.ts
#import "shared/constants.wgsl"
#import "shared/sortParams.wgsl"

@group(0) @binding(0) var<uniform> params: SortParams;
@group(1) @binding(0) var<storage, read> keys: array<u32>;
@group(1) @binding(1) var<storage, read> scattered: array<u32>;
@group(1) @binding(2) var<storage, read> bucketEnd: array<u32>;
@group(2) @binding(0) var<storage, read_write> order: array<u32>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3u) {
    if (id.x >= min(params.recordCount, bucketEnd[BucketCount - 1u])) {
        return;
    }
    let record = scattered[id.x];
    let key = keys[record];
    let end = bucketEnd[key];
    var start = 0u;
    if (key > 0u) {
        start = bucketEnd[key - 1u];
    }
    if (end - start > CrowdedSize) {
        return;
    }
    var place = start;
    for (var i = start; i < end; i++) {
        place += select(0u, 1u, scattered[i] < record);
    }
    order[place] = record;
}
