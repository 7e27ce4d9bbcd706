// sortCountKeys: count how many records have each key, for key writers that do not count as they write. Reads keys.
// Adds to keyCounts. Grid: one thread per record, 256 per workgroup. Cost: 4 bytes read, 1 atomic per record.
// Reference: src/runtime/reference/sort.ts
#import "shared/constants.wgsl"
#import "shared/sortParams.wgsl"

@group(0) @binding(0) var<uniform> params: SortParams;
@group(1) @binding(0) var<storage, read> keys: array<u32>;
@group(2) @binding(0) var<storage, read_write> keyCounts: array<atomic<u32>>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3u) {
    if (id.x >= params.recordCount) {
        return;
    }
    let key = keys[id.x];
    if (key != CulledKey) {
        atomicAdd(&keyCounts[key], 1u);
    }
}
