/** The choice between the twins of a shader: half precision where the device has it and compiles it, single precision everywhere else. */

/**
 * @param wanted whether half precision is wanted at all
 * @param makeAsync compiles for one of the two; rejects if the device does not take it
 */
export async function HalfOrSingleAsync<Made>(
    device: GPUDevice,
    wanted: boolean,
    makeAsync: (half: boolean) => Promise<Made>,
): Promise<Made> {
    if (wanted && device.features.has("shader-f16")) {
        try {
            return await makeAsync(true);
        } catch {
            // Some drivers announce f16 and then fail to compile it; the twin needs nothing.
        }
    }
    return await makeAsync(false);
}
