// The numbers that colors are computed with, in single precision. Where the device has shader-f16, wgsl.ts puts
// realHalf.wgsl in this file's place.
alias real = f32;

/// Two f16 numbers, the first in the low half.
fn unpackReals(bits: u32) -> vec2<real> {
    return unpack2x16float(bits);
}

fn packReals(values: vec2<real>) -> u32 {
    return pack2x16float(values);
}
