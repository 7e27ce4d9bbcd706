// sortCrowded: order by index the records of one bucket that is too full for sortTies (an avatar seen as a plane, or
// from very far). Each thread owns a run of records, counts those of the bucket, and writes them after those of the
// threads before it: stable by construction. Reads keys, crowded, bucketEnd. Writes order. Grid: one workgroup of 256
// per crowded bucket, indirect, usually none. Cost: 8 bytes per record and bucket read. Reference:
// src/runtime/reference/sort.ts
#import "shared/constants.wgsl"
#import "shared/sortParams.wgsl"
#import "shared/crowded.wgsl"

@group(0) @binding(0) var<uniform> params: SortParams;
@group(1) @binding(0) var<storage, read> keys: array<u32>;
@group(1) @binding(1) var<storage, read> crowded: Crowded;
@group(1) @binding(2) var<storage, read> bucketEnd: array<u32>;
@group(2) @binding(0) var<storage, read_write> order: array<u32>;

const Threads: u32 = 256u;

var<workgroup> totals: array<u32, Threads>;

@compute @workgroup_size(256)
fn main(@builtin(local_invocation_id) local: vec3u, @builtin(workgroup_id) group: vec3u) {
    let bucket = crowded.buckets[group.x];
    let run = (params.recordCount + Threads - 1u) / Threads;
    let first = min(local.x * run, params.recordCount);
    let last = min(first + run, params.recordCount);
    var count = 0u;
    for (var i = first; i < last; i++) {
        count += select(0u, 1u, keys[i] == bucket);
    }
    totals[local.x] = count;
    workgroupBarrier();

    var place = 0u;
    if (bucket > 0u) {
        place = bucketEnd[bucket - 1u];
    }
    for (var i = 0u; i < local.x; i++) {
        place += totals[i];
    }
    for (var i = first; i < last; i++) {
        if (keys[i] == bucket) {
            order[place] = i;
            place++;
        }
    }
}
