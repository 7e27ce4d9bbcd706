/** The visitor's microphone. */
import { FlexAvatarError } from "../../../flame/error.js";

/**
 * Asks for it.
 * @throws FlexAvatarError `microphone-refused`, `microphone-missing`
 */
export async function OpenMicrophoneAsync(constraints: MediaTrackConstraints): Promise<MediaStream> {
    try {
        if (!navigator.mediaDevices) {
            throw new DOMException("This page has no access to devices.", "NotAllowedError");
        }
        return await navigator.mediaDevices.getUserMedia({ audio: constraints });
    } catch (error) {
        const { name, message } = error as DOMException;
        const refused = name === "NotAllowedError" || name === "SecurityError";
        throw new FlexAvatarError(
            refused ? "microphone-refused" : "microphone-missing",
            `The microphone ${refused ? "was refused" : "cannot be used"}: ${message || name}`,
            { cause: error },
        );
    }
}
