import jakarta.servlet.http.*;
import java.io.*;
import java.util.*;

/** Sets attributes of many types, and tells in words what is in the session. */
public class Shop extends HttpServlet {
    public static class Thing implements Serializable {
        private static final long serialVersionUID = 7;
        final String label; final int[] numbers; final Thing next; final Map<String, Object> more = new TreeMap<>();
        Thing(String label, Thing next) { this.label = label; this.next = next; numbers = new int[] {1, -2, 3}; more.put("self", this); more.put("n", 5L); }
        @Override public String toString() {
            return label + Arrays.toString(numbers) + (more.get("self") == this) + more.get("n") + "(" + next + ")";
        }
    }

    @Override protected void doGet(HttpServletRequest r, HttpServletResponse w) throws IOException {
        HttpSession s = r.getSession(!"dump".equals(r.getParameter("op")));
        w.setContentType("text/plain;charset=UTF-8");
        if (s == null) { w.getWriter().print("none\n"); return; }
        switch (r.getParameter("op")) {
        case "fill":
            s.setAttribute("string", "häl\u0000lo \uD83D\uDE00"); s.setAttribute("count", 42); s.setAttribute("long", 1L << 40);
            s.setAttribute("bool", true); s.setAttribute("double", 2.5); s.setAttribute("date", new Date(1700000000123L));
            s.setAttribute("bytes", new byte[] {0, 1, -1}); s.setAttribute("list", new ArrayList<>(List.of("x", 7)));
            s.setAttribute("map", new HashMap<>(Map.of("k", 9L))); s.setAttribute("thing", new Thing("outer", new Thing("inner", null)));
            s.setAttribute("linked", new LinkedList<>(List.of("a", "b")));
            break;
        case "count": s.setAttribute("count", (Integer) s.getAttribute("count") + 1); break;
        case "set": s.setAttribute(r.getParameter("name"), r.getParameter("value")); break;
        case "remove": s.removeAttribute(r.getParameter("name")); break;
        case "rotate": r.changeSessionId(); break;
        case "invalidate": s.invalidate(); w.getWriter().print("none\n"); return;
        }
        for (String name : new TreeSet<>(Collections.list(s.getAttributeNames()))) {
            Object v = s.getAttribute(name);
            String text = v instanceof byte[] ? Arrays.toString((byte[]) v) : v instanceof Date ? "" + ((Date) v).getTime() : "" + v;
            w.getWriter().print(name + "=" + v.getClass().getName() + ":" + text.replace("\u0000", "NUL") + "\n");
        }
    }
}
