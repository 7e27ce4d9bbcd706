// driverConv: convolution over the channels of up to two maps, relu(sum + bias + before) + after (paper eq. 7, one
// layer of the driver). Reads source0, source1, before, after [blocks, height, width] of vec4 and packed weights;
// source0 may be read at twice its size, nearest texel. Writes result. Grid: one thread per Columns texels of a row and
// OutBlocks blocks of four channels, 8x8x1 per workgroup. Cost of a thread: its sources' windows once (3x3: Columns + 2
// vec4s per row and block), 64 bytes of weights per block, tap and output block. driverSources.ts puts in front: alias
// real, const Kernel, Stride, Pad, Columns, OutBlocks, Window. In half precision the products of one row of the kernel
// are summed in half precision, rows in single. Arrays declared in a loop name their zeros: SwiftShader keeps the last
// round's otherwise. Reference: src/runtime/reference/driver.ts
struct DriverConvParams {
    width: u32, // of the result
    height: u32,
    sourceWidth: u32, // as the convolution sees it
    sourceHeight: u32,
    blocks0: u32, // of source0
    blocks: u32, // of both
    shift0: u32,
    outBlocks: u32,
    relu: u32,
    hasBefore: u32,
    hasAfter: u32,
}

@group(0) @binding(0) var<uniform> params: DriverConvParams;
// [outBlocks, blocks, Kernel, Kernel], a column per input channel
@group(0) @binding(1) var<storage, read> weights: array<mat4x4<real>>;
@group(0) @binding(2) var<storage, read> bias: array<vec4<real>>;
@group(1) @binding(0) var<storage, read> source0: array<vec4<real>>;
@group(1) @binding(1) var<storage, read> source1: array<vec4<real>>;
@group(1) @binding(2) var<storage, read> before: array<vec4<real>>;
@group(1) @binding(3) var<storage, read> after: array<vec4<real>>;
@group(2) @binding(0) var<storage, read_write> result: array<vec4<real>>;

fn load(block: u32, y: i32, x: i32) -> vec4<real> {
    if (x < 0 || u32(x) >= params.sourceWidth) {
        return vec4<real>();
    }
    if (block < params.blocks0) {
        let s = params.shift0;
        let row = block * (params.sourceHeight >> s) + (u32(y) >> s);
        return source0[row * (params.sourceWidth >> s) + (u32(x) >> s)];
    }
    return source1[((block - params.blocks0) * params.sourceHeight + u32(y)) * params.sourceWidth + u32(x)];
}

fn store(block: u32, y: u32, x: u32, products: vec4f) {
    if (x >= params.width) {
        return;
    }
    let at = (block * params.height + y) * params.width + x;
    var sum = products + vec4f(bias[block]);
    if (params.hasBefore != 0u) {
        sum += vec4f(before[at]);
    }
    if (params.relu != 0u) {
        sum = max(sum, vec4f());
    }
    if (params.hasAfter != 0u) {
        sum += vec4f(after[at]);
    }
    result[at] = vec4<real>(sum);
}

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let firstX = id.x * Columns;
    let firstBlock = id.z * OutBlocks;
    if (firstX >= params.width || id.y >= params.height) {
        return;
    }
    var sums = array<vec4f, Columns * OutBlocks>();
    for (var block = 0u; block < params.blocks; block++) {
        for (var row = 0u; row < Kernel; row++) {
            let y = i32(id.y * Stride + row) - i32(Pad);
            if (y < 0 || u32(y) >= params.sourceHeight) {
                continue;
            }
            var window = array<vec4<real>, Window>();
            for (var i = 0u; i < Window; i++) { // unrolled
                window[i] = load(block, y, i32(firstX * Stride + i) - i32(Pad));
            }
            for (var o = 0u; o < OutBlocks; o++) { // unrolled
                let at = (((firstBlock + o) * params.blocks + block) * Kernel + row) * Kernel;
                var parts = array<vec4<real>, Columns>();
                for (var tap = 0u; tap < Kernel; tap++) { // unrolled
                    let weight = weights[at + tap];
                    for (var c = 0u; c < Columns; c++) { // unrolled
                        parts[c] += weight * window[c * Stride + tap];
                    }
                }
                for (var c = 0u; c < Columns; c++) { // unrolled
                    sums[o * Columns + c] += vec4f(parts[c]);
                }
            }
        }
    }
    for (var o = 0u; o < OutBlocks; o++) { // unrolled
        for (var c = 0u; c < Columns; c++) { // unrolled
            store(firstBlock + o, id.y, firstX + c, sums[o * Columns + c]);
        }
    }
}
