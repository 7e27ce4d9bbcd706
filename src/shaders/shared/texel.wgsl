// One valid texel of a UV map: where it lies on the head. The third barycentric is one minus the others.
struct Texel {
    vertices01: u32, // first vertex in the low 16 bits, second in the high 16 bits
    vertex2Flags: u32, // third vertex in the low 16 bits, flags in the high 16 bits
    bary01: u32, // unorm16 ×2
    // of a Gaussian: its place among the dynamic ones, if it is one. Of the position map: row * mapSize + column
    place: u32,
}

fn texelVertices(t: Texel) -> vec3u {
    return vec3u(t.vertices01 & 0xffffu, t.vertices01 >> 16u, t.vertex2Flags & 0xffffu);
}

fn texelBary(t: Texel) -> vec3f {
    let b = unpack2x16unorm(t.bary01);
    return vec3f(b, 1.0 - b.x - b.y);
}

fn texelFlags(t: Texel) -> u32 {
    return t.vertex2Flags >> 16u;
}
