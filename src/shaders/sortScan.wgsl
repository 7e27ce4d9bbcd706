// sortScan: first place of every depth bucket, plus the arguments of the draw and the list of crowded buckets. Reads
// and writes buckets in place: counts become starts. Writes drawArgs, crowded. Grid: 1 workgroup of 256, 256 buckets
// per thread. Cost: 512 KB read, 256 KB written. Reference: src/runtime/reference/sort.ts
#import "shared/constants.wgsl"
#import "shared/drawArgs.wgsl"
#import "shared/crowded.wgsl"

@group(2) @binding(0) var<storage, read_write> buckets: array<vec4u>; // BucketCount / 4
@group(2) @binding(1) var<storage, read_write> drawArgs: DrawArgs;
@group(2) @binding(2) var<storage, read_write> crowded: Crowded;

const Threads: u32 = 256u;
const QuadsPerThread: u32 = BucketCount / 4u / Threads;

var<workgroup> totals: array<u32, Threads>;
var<workgroup> crowdedCount: atomic<u32>;

fn noteCrowded(count: u32, bucket: u32) {
    if (count > CrowdedSize) {
        crowded.buckets[atomicAdd(&crowdedCount, 1u)] = bucket;
    }
}

@compute @workgroup_size(256)
fn main(@builtin(local_invocation_id) local: vec3u) {
    let thread = local.x;
    let first = thread * QuadsPerThread;
    var total = 0u;
    for (var i = first; i < first + QuadsPerThread; i++) {
        let counts = buckets[i];
        total += counts.x + counts.y + counts.z + counts.w;
    }
    totals[thread] = total;
    workgroupBarrier();

    // One thread adds up the 256 totals: cheaper than the 16 barriers of a parallel scan on a software adapter, and
    // short on any other.
    if (thread == 0u) {
        var sum = 0u;
        for (var i = 0u; i < Threads; i++) {
            let count = totals[i];
            totals[i] = sum;
            sum += count;
        }
        drawArgs.vertexCount = 3u * sum;
        drawArgs.instanceCount = 1u;
        drawArgs.firstVertex = 0u;
        drawArgs.firstInstance = 0u;
        drawArgs.visibleCount = sum;
    }
    workgroupBarrier();

    var start = totals[thread];
    for (var i = first; i < first + QuadsPerThread; i++) {
        let counts = buckets[i];
        let y = start + counts.x;
        let z = y + counts.y;
        let w = z + counts.z;
        buckets[i] = vec4u(start, y, z, w);
        start = w + counts.w;
        noteCrowded(counts.x, 4u * i);
        noteCrowded(counts.y, 4u * i + 1u);
        noteCrowded(counts.z, 4u * i + 2u);
        noteCrowded(counts.w, 4u * i + 3u);
    }
    workgroupBarrier();
    if (thread == 0u) {
        crowded.count = atomicLoad(&crowdedCount);
        crowded.countY = 1u;
        crowded.countZ = 1u;
    }
}
