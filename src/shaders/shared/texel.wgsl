// One valid texel of a UV map: where it lies in the map and on the head. The third barycentric is one minus the others.
struct Texel {
    texel: u32, // row * mapSize + column
    vertices01: u32, // first vertex in the low 16 bits, second in the high 16 bits
    vertex2Flags: u32, // third vertex in the low 16 bits, TexelDynamic and TexelTwoSided in the high 16 bits
    bary0: f32,
    bary1: f32,
}

fn texelVertices(t: Texel) -> vec3u {
    return vec3u(t.vertices01 & 0xffffu, t.vertices01 >> 16u, t.vertex2Flags & 0xffffu);
}

fn texelBary(t: Texel) -> vec3f {
    return vec3f(t.bary0, t.bary1, 1.0 - t.bary0 - t.bary1);
}

fn texelFlags(t: Texel) -> u32 {
    return t.vertex2Flags >> 16u;
}
