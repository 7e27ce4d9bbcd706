// sortScatter: put each visible record index into its depth bucket, in whatever order the threads arrive; sortTies
// makes that exact. Reads keys. Reads and writes buckets (starts from sortScan become ends). Writes scattered. Grid:
// one thread per record, 256 per workgroup. Cost: 4 bytes read, 4 written, 1 atomic per record. Reference:
// src/runtime/reference/sort.ts
#import "shared/constants.wgsl"
#import "shared/sortParams.wgsl"

@group(0) @binding(0) var<uniform> params: SortParams;
@group(1) @binding(0) var<storage, read> keys: array<u32>;
@group(2) @binding(0) var<storage, read_write> buckets: array<atomic<u32>>;
@group(2) @binding(1) var<storage, read_write> scattered: array<u32>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3u) {
    if (id.x >= params.recordCount) {
        return;
    }
    let key = keys[id.x];
    if (key == CulledKey) {
        return;
    }
    scattered[atomicAdd(&buckets[key], 1u)] = id.x;
}
