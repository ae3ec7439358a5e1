import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import jakarta.servlet.http.HttpSession;
import jakarta.servlet.http.HttpSessionEvent;
import jakarta.servlet.http.HttpSessionListener;
import java.io.IOException;
import java.io.Serializable;
import java.io.StringReader;
import java.math.BigDecimal;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collections;
import java.util.Date;
import java.util.HashMap;
import java.util.LinkedList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.tomcat.util.json.JSONParser;
import org.apache.tomcat.util.json.ParseException;

/**
 * The demonstration application's API: GET and POST /api, and the same JSON as the one in Go.
 *
 * Beyond it there are values of classes that Go does not know, type=thing and type=linked; op=inactive, which says after how many seconds of
 * value the session ends; and GET /ends, how many sessions have ended on this node.
 */
public class Demo extends HttpServlet {
    private static final String ROUTE = System.getProperty("jvmRoute", "");
    private static final DateTimeFormatter DATE = DateTimeFormatter.ofPattern("uuuu-MM-dd'T'HH:mm:ss.SSSX").withZone(ZoneOffset.UTC);
    private static final AtomicInteger ENDED = new AtomicInteger();

    /** Counts the sessions that end. */
    public static class Ends implements HttpSessionListener {
        @Override public void sessionDestroyed(HttpSessionEvent e) {
            ENDED.incrementAndGet();
        }
    }

    /** An object with another one in it, with itself in a map, and with a field of a primitive type. */
    public static class Thing implements Serializable {
        private static final long serialVersionUID = 7;
        private final String label;
        private final int[] numbers = {1, -2, 3};
        private final Thing next;
        private final Map<String, Object> more = new TreeMap<>();

        Thing(String label, Thing next) {
            this.label = label;
            this.next = next;
            more.put("self", this);
            more.put("n", 5L);
        }

        @Override public String toString() {
            return label + Arrays.toString(numbers) + (more.get("self") == this) + more.get("n") + "(" + next + ")";
        }
    }

    /** What a visitor has done wrong. */
    private static class Mistake extends Exception {
        Mistake(String message) {
            super(message);
        }
    }

    @Override protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
        switch (request.getServletPath()) {
            case "/api" -> answer(response, 200, state(request.getSession(false)));
            case "/ends" -> answer(response, 200, Integer.toString(ENDED.get()));
            default -> response.sendError(404);
        }
    }

    @Override protected void doPost(HttpServletRequest request, HttpServletResponse response) throws IOException {
        if (!request.getServletPath().equals("/api")) {
            response.sendError(404);
            return;
        }
        request.setCharacterEncoding("UTF-8");
        try {
            answer(response, 200, state(change(request)));
        } catch (Mistake e) {
            answer(response, 400, "{\"error\":" + quoted(e.getMessage()) + "}");
        }
    }

    private static void answer(HttpServletResponse response, int status, String json) throws IOException {
        response.setStatus(status);
        response.setContentType("application/json");
        response.setCharacterEncoding("UTF-8");
        response.setHeader("Cache-Control", "no-store");
        response.getWriter().print(json + "\n");
    }

    /** Does what the form says, and returns the session that there is afterwards. */
    private static HttpSession change(HttpServletRequest request) throws Mistake {
        String op = String.valueOf(request.getParameter("op")), name = String.valueOf(request.getParameter("name"));
        HttpSession session = request.getSession(false);
        switch (op) {
            case "count" -> {
                Object count = session == null ? null : session.getAttribute("count");
                if (count != null && !(count instanceof Integer)) {
                    throw new Mistake("the attribute count is no int: remove it first");
                }
                session = request.getSession();
                session.setAttribute("count", count == null ? 1 : (Integer) count + 1);
            }
            case "set" -> {
                if (request.getParameter("name") == null || name.isBlank()) {
                    throw new Mistake("name is empty");
                }
                Object value = fromWords(String.valueOf(request.getParameter("type")), String.valueOf(request.getParameter("value")));
                session = request.getSession();
                session.setAttribute(name, value);
            }
            case "remove" -> {
                if (session != null) {
                    session.removeAttribute(name);
                }
            }
            case "invalidate" -> {
                if (session != null) {
                    session.invalidate();
                }
                session = null;
            }
            case "rotate" -> {
                if (session != null) {
                    request.changeSessionId();
                }
            }
            case "inactive" -> {
                session = request.getSession();
                session.setMaxInactiveInterval(Integer.parseInt(request.getParameter("value")));
            }
            default -> throw new Mistake("op=\"" + op + "\": it is count, set, remove, invalidate or rotate");
        }
        return session;
    }

    private static String state(HttpSession session) {
        StringBuilder json = new StringBuilder("{\"node\":" + quoted(ROUTE) + ",\"session\":");
        if (session == null) {
            return json + "null,\"count\":0,\"attributes\":{}}";
        }
        json.append("{\"id\":" + quoted(session.getId()) + ",\"isNew\":" + session.isNew() + ",\"createdAt\":" + quoted(date(session.getCreationTime()))
                + ",\"lastAccessedAt\":" + quoted(date(session.getLastAccessedTime())) + "}");
        json.append(",\"count\":" + (session.getAttribute("count") instanceof Integer n ? n : 0) + ",\"attributes\":{");
        String comma = "";
        for (String name : new TreeSet<>(Collections.list(session.getAttributeNames()))) {
            Object value = session.getAttribute(name);
            if (value != null) {
                json.append(comma + quoted(name) + ":{\"type\":" + quoted(typeOf(value)) + ",\"value\":" + quoted(inWords(value)) + "}");
                comma = ",";
            }
        }
        return json + "}}";
    }

    private static String typeOf(Object value) {
        return switch (value.getClass().getName()) {
            case "java.lang.String" -> "string";
            case "java.lang.Integer" -> "int";
            case "java.lang.Long" -> "long";
            case "java.lang.Boolean" -> "bool";
            case "java.lang.Double" -> "double";
            case "java.util.Date" -> "date";
            case "[B" -> "bytes";
            case "java.util.ArrayList" -> "list";
            case "java.util.HashMap" -> "map";
            default -> value.getClass().getName();
        };
    }

    private static String inWords(Object value) {
        if (value instanceof byte[] bytes) {
            return Base64.getEncoder().encodeToString(bytes);
        } else if (value instanceof Date d) {
            return date(d.getTime());
        } else if (value instanceof Double d) {
            return number(d, -4, 6, true);
        } else if (value instanceof List || value instanceof Map) {
            return json(value);
        }
        return value.toString();
    }

    private static String date(long milliseconds) {
        return DATE.format(Instant.ofEpochMilli(milliseconds));
    }

    private static Object fromWords(String type, String text) throws Mistake {
        try {
            switch (type) {
                case "string": return text;
                case "int": return Integer.valueOf(text);
                case "long": return Long.valueOf(text);
                case "bool":
                    if (!text.equals("true") && !text.equals("false")) {
                        throw new Mistake("it is true or false");
                    }
                    return Boolean.valueOf(text);
                case "double": return Double.valueOf(text);
                case "date": return new Date(OffsetDateTime.parse(text).toInstant().toEpochMilli());
                case "bytes": return Base64.getDecoder().decode(text);
                case "list": return plain(new JSONParser(new StringReader(text)).parseArray());
                case "map": return plain(new JSONParser(new StringReader(text)).parseObject());
                case "linked": return new LinkedList<>(List.of(text, text));
                case "thing": return new Thing(text, new Thing("inner", null));
                default: throw new Mistake("type=\"" + type + "\": it is string, int, long, bool, double, date, bytes, list, map");
            }
        } catch (IllegalArgumentException | DateTimeException | ParseException | ClassCastException e) {
            throw new Mistake("value=\"" + text + "\" is no " + type + ": " + e.getMessage());
        }
    }

    /** Returns what the parser has read as ArrayLists and HashMaps of Longs and Doubles. */
    private static Object plain(Object value) {
        if (value instanceof List<?> list) {
            List<Object> own = new ArrayList<>();
            list.forEach(each -> own.add(plain(each)));
            return own;
        } else if (value instanceof Map<?, ?> map) {
            Map<Object, Object> own = new HashMap<>();
            map.forEach((key, each) -> own.put(key, plain(each)));
            return own;
        } else if (value instanceof BigDecimal n) {
            return n.doubleValue();
        } else if (value instanceof Number n) {
            return n.longValue();
        }
        return value;
    }

    private static String json(Object value) {
        StringBuilder text = new StringBuilder();
        if (value instanceof List<?> list) {
            list.forEach(each -> text.append(text.isEmpty() ? "" : ",").append(json(each)));
            return "[" + text + "]";
        } else if (value instanceof Map<?, ?> map) {
            Map<String, Object> sorted = new TreeMap<>();
            map.forEach((key, each) -> sorted.put(key.toString(), each));
            sorted.forEach((key, each) -> text.append(text.isEmpty() ? "" : ",").append(quoted(key)).append(":").append(json(each)));
            return "{" + text + "}";
        } else if (value instanceof Double d) {
            return number(d, -6, 21, false);
        } else if (value == null || value instanceof Number || value instanceof Boolean) {
            return String.valueOf(value);
        }
        return quoted(value instanceof String s ? s : inWords(value));
    }

    /** Writes d with the fewest digits, with an exponent if that is less than low or not less than high. */
    private static String number(double d, int low, int high, boolean twoDigits) {
        if (d == 0 || Double.isNaN(d) || Double.isInfinite(d)) {
            return Double.isNaN(d) ? "NaN" : d == 0 ? "0" : d > 0 ? "+Inf" : "-Inf";
        }
        BigDecimal n = new BigDecimal(Double.toString(d)).stripTrailingZeros();
        String digits = n.unscaledValue().abs().toString();
        int exponent = digits.length() - n.scale() - 1;
        if (exponent >= low && exponent < high) {
            return n.toPlainString();
        }
        String size = Integer.toString(Math.abs(exponent));
        return (d < 0 ? "-" : "") + digits.charAt(0) + (digits.length() > 1 ? "." + digits.substring(1) : "") + "e" + (exponent < 0 ? "-" : "+")
                + (twoDigits && size.length() < 2 ? "0" : "") + size;
    }

    private static String quoted(String text) {
        StringBuilder json = new StringBuilder("\"");
        for (char c : text.toCharArray()) {
            switch (c) {
                case '"' -> json.append("\\\"");
                case '\\' -> json.append("\\\\");
                case '\n' -> json.append("\\n");
                case '\r' -> json.append("\\r");
                case '\t' -> json.append("\\t");
                case '\b' -> json.append("\\b");
                case '\f' -> json.append("\\f");
                default -> json.append(c < 32 || "<>&\u2028\u2029".indexOf(c) >= 0 ? String.format("\\u%04x", (int) c) : String.valueOf(c));
            }
        }
        return json.append("\"").toString();
    }
}
