// The numbers that colors are computed with, in half precision: what is stored as f16 is taken as it is. wgsl.ts puts
// `enable f16;` at the top. Twin of realSingle.wgsl; shaders import either as shared/real.wgsl. Positions, depths,
// scales, rotations and covariances are f32 either way.
alias real = f16;

/// Two f16 numbers, the first in the low half.
fn unpackReals(bits: u32) -> vec2<real> {
    return bitcast<vec2<f16>>(bits);
}

fn packReals(values: vec2<real>) -> u32 {
    return bitcast<u32>(values);
}
