/**
 * The choice between the twins of a shader: half precision where it is faster and the device compiles it, single
 * precision everywhere else.
 */

/**
 * @param wanted undefined: on every device with `shader-f16` but software adapters, which convert before and after each
 * operation (on lavapipe the draw takes three times as long); true: on these too
 * @param makeAsync compiles for one of the two; rejects if the device does not take it
 */
export async function HalfOrSingleAsync<Made>(
    device: GPUDevice,
    wanted: boolean | undefined,
    makeAsync: (half: boolean) => Promise<Made>,
): Promise<Made> {
    if (device.features.has("shader-f16") && (wanted ?? device.adapterInfo?.isFallbackAdapter !== true)) {
        try {
            return await makeAsync(true);
        } catch {
            // Some drivers announce f16 and then fail to compile it; the twin needs nothing.
        }
    }
    return await makeAsync(false);
}
