// What all avatars of one head model and map size share.
struct HeadParams {
    positionMapCenter: vec3f, // meters
    positionMapScale: f32, // meters
    vertexCount: u32,
    expressionCount: u32,
    positionCount: u32, // valid texels of the position map
    positionMapTexelCount: u32, // all texels of the position map
}
