// sortRadixCount: how many records of each tile have each value of the lowest digit; culled ones are not counted.
// Reads keys. Writes digitCounts0; sets digitCounts1 to 3 to zero, which the next kernels add to.
// Grid: one workgroup of 256 per tile. Cost: 4 bytes read per record. Reference: src/runtime/reference/sort.ts
#import "shared/constants.wgsl"
#import "shared/sortParams.wgsl"
#import "shared/radix.wgsl"

@group(0) @binding(0) var<uniform> params: SortParams;
@group(1) @binding(0) var<storage, read> keys: array<u32>;
@group(2) @binding(0) var<storage, read_write> digitCounts0: array<u32>; // [tile][digit], as the others
@group(2) @binding(1) var<storage, read_write> digitCounts1: array<u32>;
@group(2) @binding(2) var<storage, read_write> digitCounts2: array<u32>;
@group(2) @binding(3) var<storage, read_write> digitCounts3: array<u32>;

const Copies: u32 = 16u; // of the counters, so that threads seldom meet at one

var<workgroup> counters: array<atomic<u32>, DigitCount * Copies>;

@compute @workgroup_size(256)
fn main(@builtin(local_invocation_id) local: vec3u, @builtin(workgroup_id) group: vec3u) {
    let thread = local.x;
    let first = group.x * RadixTileSize + thread;
    for (var i = 0u; i < KeysPerThread; i++) {
        let record = first + i * RadixThreads;
        if (record < params.recordCount) {
            let key = keys[record];
            if (key != CulledKey) {
                atomicAdd(&counters[(key % DigitCount) * Copies + thread % Copies], 1u);
            }
        }
    }
    workgroupBarrier();
    if (thread < DigitCount) {
        var count = 0u;
        for (var i = 0u; i < Copies; i++) {
            count += atomicLoad(&counters[thread * Copies + i]);
        }
        let at = group.x * DigitCount + thread;
        digitCounts0[at] = count;
        digitCounts1[at] = 0u;
        digitCounts2[at] = 0u;
        digitCounts3[at] = 0u;
    }
}
