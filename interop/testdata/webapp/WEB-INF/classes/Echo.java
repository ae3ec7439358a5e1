import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import jakarta.servlet.http.HttpSession;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Answers with what it was asked. Parameters of the query say how:
 *
 *   id=X         counts one execution of X; /count?id=X tells how many
 *   sleep=MS     waits before it answers
 *   status=N     the status; error=N lets the container make the page
 *   set=N:V      a header of the response, as often as wanted
 *   session=1    makes or takes a session and counts in it
 *   attribute=N  tells a request attribute, as often as wanted
 *   read=WHAT    of the body: all (default), part (the first 10 bytes), none
 *   early=1      answers first, reads then
 *   size=N       answers N bytes instead of the echo; length=1 tells their number first
 *   flush=1      flushes after each 8 KiB, and once before the first
 *   empty=1      answers without a body
 *   pad=N        a header X-Pad of N bytes
 *   throw=1      fails after it has answered
 *   tls=1        tells of TLS, too
 */
public class Echo extends HttpServlet {
    private static final String ROUTE = System.getProperty("jvmRoute", "");
    private static final Path COUNTS = Path.of(System.getProperty("catalina.base"), "executions");

    @Override
    protected void service(HttpServletRequest request, HttpServletResponse response) throws IOException {
        Map<String, List<String>> ask = parse(request.getQueryString());
        if (request.getRequestURI().endsWith("/count")) {
            answer(response, count(one(ask, "id", "")) + "\n");
            return;
        }
        if (ask.containsKey("id")) {
            append(one(ask, "id", ""));
        }
        pause(Integer.parseInt(one(ask, "sleep", "0")));
        for (String header : ask.getOrDefault("set", List.of())) {
            int colon = header.indexOf(':');
            response.addHeader(header.substring(0, colon), header.substring(colon + 1));
        }
        response.setHeader("X-Route", ROUTE);
        if (ask.containsKey("pad")) {
            response.setHeader("X-Pad", "p".repeat(Integer.parseInt(one(ask, "pad", "0"))));
        }
        StringBuilder text = new StringBuilder();
        boolean early = ask.containsKey("early");
        if (!early) {
            text.append(read(request.getInputStream(), one(ask, "read", "all")));
        }
        describe(request, text, ask.containsKey("session"));
        for (String name : ask.getOrDefault("attribute", List.of())) {
            line(text, "attribute." + name, request.getAttribute(name));
        }
        if (ask.containsKey("tls")) {
            describeTLS(request, text);
        }
        if (ask.containsKey("error")) {
            response.sendError(Integer.parseInt(one(ask, "error", "500")));
            return;
        }
        response.setStatus(Integer.parseInt(one(ask, "status", "200")));
        if (ask.containsKey("empty")) {
            return;
        }
        if (ask.containsKey("size")) {
            bulk(response, ask);
        } else {
            answer(response, text.toString());
        }
        if (ask.containsKey("throw")) {
            throw new IllegalStateException("as asked");
        }
        if (early) {
            response.flushBuffer();
            read(request.getInputStream(), one(ask, "read", "all"));
        }
    }

    private static Map<String, List<String>> parse(String query) {
        Map<String, List<String>> ask = new LinkedHashMap<>();
        for (String pair : query == null ? new String[0] : query.split("&")) {
            int equals = pair.indexOf('=');
            if (equals < 0) {
                continue;
            }
            try {
                String value = URLDecoder.decode(pair.substring(equals + 1), StandardCharsets.UTF_8);
                ask.computeIfAbsent(pair.substring(0, equals), k -> new ArrayList<>()).add(value);
            } catch (IllegalArgumentException e) {
                // A value that cannot be decoded says nothing.
            }
        }
        return ask;
    }

    private static String one(Map<String, List<String>> ask, String name, String otherwise) {
        return ask.getOrDefault(name, List.of(otherwise)).get(0);
    }

    private static void append(String id) throws IOException {
        Files.write(COUNTS, (id + "\n").getBytes(StandardCharsets.UTF_8),
                StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.APPEND);
    }

    private static long count(String id) throws IOException {
        if (!Files.exists(COUNTS)) {
            return 0;
        }
        return Files.readAllLines(COUNTS).stream().filter(id::equals).count();
    }

    private static void pause(int milliseconds) throws IOException {
        try {
            Thread.sleep(milliseconds);
        } catch (InterruptedException e) {
            throw new IOException(e);
        }
    }

    private static String read(InputStream in, String how) throws IOException {
        if (how.equals("none")) {
            return "";
        }
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            long length = 0;
            if (how.equals("part")) {
                byte[] part = in.readNBytes(10);
                digest.update(part);
                length = part.length;
            } else {
                byte[] buffer = new byte[8192];
                for (int n; (n = in.read(buffer)) >= 0; length += n) {
                    digest.update(buffer, 0, n);
                }
            }
            return "body.length=" + length + "\nbody.sha256=" + HexFormat.of().formatHex(digest.digest()) + "\n";
        } catch (NoSuchAlgorithmException e) {
            throw new IOException(e);
        }
    }

    private static void describe(HttpServletRequest request, StringBuilder text, boolean session) {
        line(text, "method", request.getMethod());
        line(text, "protocol", request.getProtocol());
        line(text, "uri", request.getRequestURI());
        line(text, "contextPath", request.getContextPath());
        line(text, "pathInfo", request.getPathInfo());
        line(text, "query", request.getQueryString());
        line(text, "remoteAddr", request.getRemoteAddr());
        line(text, "remoteUser", request.getRemoteUser());
        line(text, "authType", request.getAuthType());
        line(text, "serverName", request.getServerName());
        line(text, "serverPort", request.getServerPort());
        line(text, "scheme", request.getScheme());
        line(text, "secure", request.isSecure());
        line(text, "contentLength", request.getContentLengthLong());
        line(text, "route", ROUTE);
        line(text, "requestedSession", request.getRequestedSessionId());
        if (session) {
            HttpSession mine = request.getSession();
            Integer count = (Integer) mine.getAttribute("count");
            mine.setAttribute("count", count == null ? 1 : count + 1);
            line(text, "session.new", mine.isNew());
            line(text, "session.count", mine.getAttribute("count"));
        }
        List<String> names = Collections.list(request.getHeaderNames());
        names.replaceAll(name -> name.toLowerCase(Locale.ROOT));
        for (String name : names.stream().distinct().sorted().toList()) {
            for (String value : Collections.list(request.getHeaders(name))) {
                line(text, "header." + name, value);
            }
        }
    }

    private static void describeTLS(HttpServletRequest request, StringBuilder text) {
        String prefix = "jakarta.servlet.request.";
        line(text, "tls.cipher", request.getAttribute(prefix + "cipher_suite"));
        line(text, "tls.keySize", request.getAttribute(prefix + "key_size"));
        line(text, "tls.session", request.getAttribute(prefix + "ssl_session_id"));
        line(text, "tls.protocol", request.getAttribute("org.apache.tomcat.util.net.secure_protocol_version"));
        Object certificates = request.getAttribute(prefix + "X509Certificate");
        if (certificates instanceof X509Certificate[] chain) {
            for (X509Certificate one : chain) {
                line(text, "tls.certificate", one.getSerialNumber() + " " + one.getSubjectX500Principal() + " by " + one.getIssuerX500Principal());
            }
        }
    }

    private static void line(StringBuilder text, String name, Object value) {
        text.append(name).append('=').append(value).append('\n');
    }

    private static void answer(HttpServletResponse response, String text) throws IOException {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        if (response.getContentType() == null) {
            response.setContentType("text/plain;charset=utf-8");
        }
        response.setContentLength(bytes.length);
        response.getOutputStream().write(bytes);
    }

    private static void bulk(HttpServletResponse response, Map<String, List<String>> ask) throws IOException {
        int left = Integer.parseInt(one(ask, "size", "0"));
        boolean flush = ask.containsKey("flush");
        if (response.getContentType() == null) {
            response.setContentType("application/octet-stream");
        }
        if (ask.containsKey("length")) {
            response.setContentLength(left);
        }
        byte[] block = new byte[8192];
        for (int i = 0; i < block.length; i++) {
            block[i] = (byte) ('a' + i % 26);
        }
        OutputStream out = response.getOutputStream();
        if (flush) {
            response.flushBuffer();
        }
        while (left > 0) {
            int n = Math.min(left, block.length);
            out.write(block, 0, n);
            left -= n;
            if (flush) {
                out.flush();
            }
        }
        if (!ask.containsKey("length")) {
            out.flush();
        }
    }
}
