// sortRadixScatter: one stable pass of the radix sort by digit `digit` of the key. A record's place = records of
// smaller digits anywhere + same digit in earlier tiles + same digit of earlier threads in this tile + same digit
// earlier in this thread's run. Each tile adds up the first two from the counts of all tiles itself, so there is no
// scan pass, and none waits for another. As it writes, it counts the next digit of the tiles it writes to: a digit's
// records of one tile land side by side, in two tiles at most. Reads keys (first digit) or pairsIn, digitCounts. Writes
// pairsOut, nextCounts, drawArgs (first digit) or order (last digit). Grid: one workgroup of 256 per tile. Cost per
// record: 4 or 8 bytes read, 8 or 4 written. Reference: src/runtime/reference/sort.ts
#import "shared/constants.wgsl"
#import "shared/sortParams.wgsl"
#import "shared/drawArgs.wgsl"
#import "shared/radix.wgsl"

override digit: u32; // 0 lowest to 3 highest

@group(0) @binding(0) var<uniform> params: SortParams;
@group(1) @binding(0) var<storage, read> keys: array<u32>;
@group(1) @binding(1) var<storage, read> pairsIn: array<vec2u>; // key, record
@group(1) @binding(2) var<storage, read> digitCounts: array<u32>; // [tile][digit]
@group(2) @binding(0) var<storage, read_write> pairsOut: array<vec2u>;
@group(2) @binding(1) var<storage, read_write> nextCounts: array<atomic<u32>>;
@group(2) @binding(2) var<storage, read_write> order: array<u32>;
@group(2) @binding(3) var<storage, read_write> drawArgs: DrawArgs;

const LastDigit: u32 = RadixDigits - 1u;
const Lanes: u32 = RadixThreads / DigitCount; // threads that add up the counts of one digit
const Words: u32 = DigitCount / 2u; // two 16-bit counters in a word
const WordStride: u32 = RadixThreads + 1u; // no two threads of a group of 32 meet in one bank
const Segment: u32 = 8u; // threads
const Segments: u32 = RadixThreads / Segment;

var<workgroup> laneTotal: array<u32, RadixThreads>; // [lane][digit]
var<workgroup> laneBefore: array<u32, RadixThreads>;
var<workgroup> total: array<u32, DigitCount>; // records of a digit in all tiles, then their first place
var<workgroup> before: array<u32, DigitCount>; // records of a digit in the tiles before this one
// packed; of one thread, then of the threads before it in its segment
var<workgroup> threadCount: array<u32, Words * WordStride>;
var<workgroup> segmentCount: array<u32, Words * Segments>; // packed; of one segment, then of the segments before it
var<workgroup> nextCount: array<atomic<u32>, DigitCount * 2u * DigitCount>; // [digit][first or second tile][next digit]

@compute @workgroup_size(256)
fn main(@builtin(local_invocation_id) local: vec3u, @builtin(workgroup_id) group: vec3u) {
    let thread = local.x;
    let tile = group.x;
    let tileCount = max(1u, (params.recordCount + RadixTileSize - 1u) / RadixTileSize);
    var tileRecords = 0u;
    for (var i = 0u; i < DigitCount; i++) {
        tileRecords += digitCounts[tile * DigitCount + i];
    }
    if (digit > 0u && tileRecords == 0u) {
        return; // behind the records that are left once the culled ones are gone
    }

    var sum = 0u;
    var sumBefore = 0u;
    for (var i = thread / DigitCount; i < tileCount; i += Lanes) {
        let count = digitCounts[i * DigitCount + thread % DigitCount];
        sum += count;
        sumBefore += select(0u, count, i < tile);
    }
    laneTotal[thread] = sum;
    laneBefore[thread] = sumBefore;

    var pairs: array<vec2u, KeysPerThread>;
    for (var i = 0u; i < KeysPerThread; i++) {
        let inTile = thread * KeysPerThread + i;
        let at = tile * RadixTileSize + inTile;
        var pair = vec2u(CulledKey, at);
        if (digit == 0u) {
            if (at < params.recordCount) {
                pair.x = keys[at];
            }
        } else if (inTile < tileRecords) {
            pair = pairsIn[at];
        }
        if (pair.x != CulledKey) {
            let value = (pair.x >> (DigitBits * digit)) % DigitCount;
            threadCount[(value / 2u) * WordStride + thread] += 1u << (16u * (value % 2u));
        }
        pairs[i] = pair;
    }
    workgroupBarrier();

    // Counts of threads become counts of the threads before, first inside segments of eight.
    let word = thread % Words;
    let segment = thread / Words;
    var running = 0u;
    for (var i = 0u; i < Segment; i++) {
        let at = word * WordStride + segment * Segment + i;
        let count = threadCount[at];
        threadCount[at] = running;
        running += count;
    }
    segmentCount[word * Segments + segment] = running;
    if (thread < DigitCount) {
        sum = 0u;
        sumBefore = 0u;
        for (var i = 0u; i < Lanes; i++) {
            sum += laneTotal[i * DigitCount + thread];
            sumBefore += laneBefore[i * DigitCount + thread];
        }
        total[thread] = sum;
        before[thread] = sumBefore;
    }
    workgroupBarrier();

    if (thread < Words) {
        running = 0u;
        for (var i = 0u; i < Segments; i++) {
            let at = thread * Segments + i;
            let count = segmentCount[at];
            segmentCount[at] = running;
            running += count;
        }
    } else if (thread == RadixThreads - 1u) {
        var place = 0u;
        for (var i = 0u; i < DigitCount; i++) {
            let count = total[i];
            total[i] = place + before[i];
            place += count;
        }
        if (digit == 0u && tile == 0u) {
            drawArgs = DrawArgs(3u * place, 1u, 0u, 0u, place);
        }
    }
    workgroupBarrier();

    for (var i = 0u; i < KeysPerThread; i++) {
        let pair = pairs[i];
        if (pair.x != CulledKey) {
            let value = (pair.x >> (DigitBits * digit)) % DigitCount;
            let half = 16u * (value % 2u);
            let at = (value / 2u) * WordStride + thread;
            let inTile = (threadCount[at] >> half) + (segmentCount[(value / 2u) * Segments + thread / Segment] >> half);
            threadCount[at] += 1u << half;
            let first = total[value];
            let place = first + (inTile & 0xffffu);
            if (digit < LastDigit) {
                pairsOut[place] = pair;
                let side = place / RadixTileSize - first / RadixTileSize;
                let next = (pair.x >> (DigitBits * (digit + 1u))) % DigitCount;
                atomicAdd(&nextCount[(2u * value + side) * DigitCount + next], 1u);
            } else {
                order[place] = pair.y;
            }
        }
    }
    workgroupBarrier();

    if (digit < LastDigit) {
        for (var i = thread; i < DigitCount * 2u * DigitCount; i += RadixThreads) {
            let count = atomicLoad(&nextCount[i]);
            if (count > 0u) {
                let toTile = total[i / (2u * DigitCount)] / RadixTileSize + (i / DigitCount) % 2u;
                atomicAdd(&nextCounts[toTile * DigitCount + i % DigitCount], count);
            }
        }
    }
}
